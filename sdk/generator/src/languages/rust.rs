// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rust: a crate without std, of one module for each field of the catalogue.

use std::collections::BTreeMap;

use num_bigint::BigUint;

use super::{
    authors, description, groups, is_settable, layout_table, license, made, settable, version,
};
use crate::escape;
use crate::generate::Object;
use crate::layout::Layout;
use crate::message;
use crate::names::{Places, snake};
use crate::output::Files;
use crate::schema::{Compression, Encoding, Field, FieldType, Schema};
use crate::vectors::{Bytes, Hex, Step, Vectors};

pub(crate) fn package(objects: &[Object<'_>], atomik_crate: Option<&str>) -> Files {
    let mut files = Files::new();
    let mut add = |path: &str, text: String| files.insert(path.into(), text);
    let made = made("//");
    add("Cargo.toml", manifest(objects, atomik_crate));
    add("README.md", readme(objects, atomik_crate.is_some()));
    add("src/object.rs", include_str!("rust/object.rs").into());
    add("src/store.rs", include_str!("rust/store.rs").into());
    add("src/value.rs", include_str!("rust/value.rs").into());
    add("src/message.rs", include_str!("rust/message.rs").into());
    if atomik_crate.is_some() {
        add("src/table.rs", include_str!("rust/table.rs").into());
    }
    let mut verticals: BTreeMap<String, String> = BTreeMap::new();
    for ((vertical, group), objects) in groups(objects) {
        let [vertical_file, group_file] = [vertical, group].map(snake);
        *verticals.entry(vertical_file.clone()).or_default() +=
            &format!("\n/// {group}.\npub mod {group_file};\n");
        let mut text = format!("{made}//! Objects of {vertical}, {group}.\n");
        for object in objects {
            text += &module(object.schema, atomik_crate.is_some());
        }
        add(&format!("src/{vertical_file}/{group_file}.rs"), text);
    }
    let device = |item: &str| match atomik_crate {
        Some(_) => format!("#[cfg(feature = \"device\")]\n{item}\n"),
        None => String::new(),
    };
    let mut library = format!(
        "{made}#![doc = include_str!(\"../README.md\")]\n#![no_std]\n#![forbid(unsafe_code)]\n\
         #![warn(missing_docs)]\n// Names are the schemas'.\n\
         #![allow(non_snake_case)]\n\nextern crate alloc;\n\n\
         mod message;\nmod object;\nmod store;\n{}mod value;\n\n\
         pub use message::{{Message, MessageError}};\npub use store::{{Local, Storage}};\n\
         {}pub use value::U256;\n",
        device("mod table;"),
        device("pub use table::{On, Table};"),
    );
    for (vertical, text) in verticals {
        library += &format!("\n/// Objects of this vertical.\npub mod {vertical};\n");
        add(
            &format!("src/{vertical}.rs"),
            format!("{made}//! Objects by field.\n{text}"),
        );
    }
    add("src/lib.rs", library);
    let mut tests = include_str!("rust/vectors.rs").to_string();
    if atomik_crate.is_some() {
        let text = include_str!("rust/vectors_in_a_table.rs");
        add("tests/vectors/table.rs", text.into());
        tests += "\n#[cfg(feature = \"device\")]\n#[macro_use]\nmod table;\n\n\
                  #[cfg(not(feature = \"device\"))]\nmacro_rules! table {\n    \
                  ($($all:tt)*) => {};\n}\n";
    } else {
        tests = tests.replace("        table!($object $file $methods);\n", "");
    }
    for object in objects {
        let name = object.schema.places().verilog;
        tests += &format!("\nmod {name};\n");
        add(
            &format!("tests/vectors/{name}.rs"),
            test(object.schema, object.vectors),
        );
        add(&format!("tests/vectors/{name}.txt"), lines(object.vectors));
    }
    add("tests/vectors/main.rs", tests);
    files
}

fn manifest(objects: &[Object<'_>], atomik_crate: Option<&str>) -> String {
    let mut text = made("#")
        + "[package]\nname = \"atomik-objects\"\n\
           description = \"Objects of schemas, kept in atomik contexts\"\nreadme = \"README.md\"\n";
    text += &format!("version = \"{}\"\n", version(objects));
    if let Some(license) = license(objects) {
        text += &format!("license = \"{}\"\n", escape::json(&license));
    }
    let authors: Vec<_> = authors(objects)
        .iter()
        .map(|author| format!("\"{}\"", escape::json(author)))
        .collect();
    if !authors.is_empty() {
        text += &format!("authors = [{}]\n", authors.join(", "));
    }
    text += "edition = \"2024\"\nrust-version = \"1.85\"\n";
    if let Some(path) = atomik_crate {
        text += &format!(
            "\n[features]\n# Objects in tables of /dev/atomik.\ndevice = [\"dep:atomik_crate\"]\n\n\
             [dependencies]\n\
             atomik_crate = {{ package = \"atomik\", path = {}, optional = true }}\n",
            // A string of TOML has the escapes of JSON's, and one more that must be.
            serde_json::Value::from(path)
                .to_string()
                .replace('\u{7f}', "\\u007f")
        );
    }
    text + "\n# A workspace around it is none of its business.\n[workspace]\n"
}

fn type_of(field: &Field) -> String {
    match field.width {
        256 => "crate::U256".into(),
        width => format!("u{width}"),
    }
}

/// Lines are broken as rustfmt does it.
const WIDTH: usize = 100;
/// More in parentheses or brackets goes on lines of its own.
const INNER_WIDTH: usize = 60;

/// Items in brackets, and what is around them.
fn bracketed(indent: usize, before: &str, items: &[String], after: &str) -> String {
    let line = items.join(", ");
    let space = " ".repeat(indent);
    let whole = indent + before.len() + line.len() + after.len();
    if line.len() <= INNER_WIDTH && whole <= WIDTH {
        return format!("{space}{before}{line}{after}\n");
    }
    let items: Vec<_> = items
        .iter()
        .map(|item| format!("{space}    {item},\n"))
        .collect();
    format!("{space}{before}\n{}{space}{after}\n", items.concat())
}

fn words(value: &BigUint) -> Vec<String> {
    let mut words = value.to_u64_digits();
    words.resize(4, 0);
    words.iter().map(|word| format!("{word:#x}")).collect()
}

/// `///` lines.
fn doc(indent: &str, text: &str) -> String {
    let lines = escape::wrap(text, 92);
    lines
        .iter()
        .map(|line| format!("{indent}/// {line}\n"))
        .collect::<Vec<_>>()
        .concat()
}

/// Parameters of types, which the object has not for its own name.
fn parameters(object: &str) -> [&'static str; 2] {
    match object {
        "S" | "T" => ["A", "B"],
        _ => ["S", "T"],
    }
}

fn module(schema: &Schema, device: bool) -> String {
    let object = &schema.catalogue.object;
    let [s, t] = parameters(object);
    let layout = Layout::of(schema);
    let widest = schema.fields.iter().map(Field::contexts).max().unwrap_or(1);
    let depth = schema.operations.rollback.unwrap_or(0);
    let version = &schema.catalogue.version;
    let contexts = layout.contexts;
    let mut text = format!("\n{}", doc("", &escape::markdown(&description(schema))));
    text += &format!("///\n/// Version {version}.\n#[derive(Clone, Debug)]\n");
    let head = format!("pub struct {object}<{s} = crate::Local<{contexts}>> {{\n");
    text += &if head.len() <= WIDTH + 1 {
        head
    } else {
        format!("pub struct {object}<\n    {s} = crate::Local<{contexts}>,\n> {{\n")
    };
    text += &format!(
        "    contexts: crate::object::Contexts<{s}, {contexts}, {widest}, {depth}>,\n}}\n\n\
         impl {object} {{\n    /// Version of the schema.\n    \
         pub const VERSION: &'static str = \"{version}\";\n    \
         /// Contexts of one object.\n    pub const CONTEXTS: u32 = {contexts};\n\n    \
         /// A new object in the process, with the default values.\n    #[must_use]\n    \
         pub fn new() -> Self {{\n        Self {{\n            \
         contexts: crate::object::Contexts::new(Self::FIELDS),\n        }}\n    }}\n}}\n\n\
         impl ::core::default::Default for {object} {{\n    fn default() -> Self {{\n        \
         Self::new()\n    }}\n}}\n\n"
    );
    if device {
        text += &format!(
            "#[cfg(feature = \"device\")]\nimpl<'t, {t}> {object}<crate::On<'t, {t}>>\nwhere\n    \
             {t}: crate::Table,\n{{\n    \
             /// The object number `index` of a table, which others may use at the same time. It \
             has\n    \
             /// what is there, until `reset`.\n    ///\n    /// # Errors\n    \
             /// The table has no room for it, or is no more.\n    \
             pub fn on(table: &'t {t}, index: u32) -> ::atomik_crate::Result<Self> {{\n        \
             let contexts = crate::On::new(table, index, {contexts})?;\n        \
             ::core::result::Result::Ok(Self {{\n            \
             contexts: crate::object::Contexts::on(contexts, Self::FIELDS),\n        \
             }})\n    }}\n}}\n\n"
        );
    }
    text += &format!(
        "impl<{s}: crate::Storage> {object}<{s}> {{\n    \
         const FIELDS: &'static [crate::object::Field] = &["
    );
    let fields: Vec<_> = schema.fields.iter().zip(layout.starts()).collect();
    match fields[..] {
        [(field, first)] => {
            text += constant(schema, field, 0, first, 4).trim_start();
            text += "];\n";
        }
        _ => {
            text += "\n";
            for (number, &(field, first)) in fields.iter().enumerate() {
                text += &constant(schema, field, number, first, 8);
                text += ",\n";
            }
            text += "    ];\n";
        }
    }
    let methods = Methods { schema, storage: s };
    text += &methods.whole(
        "Gives all fields their default values, at once, and forgets the history.",
        "reset(&mut self)",
        "()",
        "reset()",
    );
    text += &methods.whole(
        "The states of the contexts, all of one moment, as they lie in a table.",
        "contexts(&self)",
        &format!("[u64; {contexts}]"),
        "states()",
    );
    for (number, field) in schema.fields.iter().enumerate() {
        text += &methods.of_field(field, number);
    }
    text += &methods.of_object();
    text += "}\n";
    text + &structs(schema)
}

/// A field's entry of `FIELDS`.
fn constant(schema: &Schema, field: &Field, number: usize, first: u32, indent: usize) -> String {
    let version = &schema.catalogue.version;
    let encoding = match field.encoding {
        Encoding::Rle => "Rle",
        Encoding::Raw | Encoding::Cells => "Raw",
    };
    let compression = match field.compression {
        Compression::None => "None",
        Compression::Xor => "Xor",
        Compression::Rle => "Rle",
    };
    let space = " ".repeat(indent);
    format!(
        "{space}crate::object::Field {{\n{space}    number: {number},\n{space}    \
         first: {first},\n{space}    width: {},\n{space}    \
         encoding: crate::object::Encoding::{encoding},\n{space}    \
         compression: crate::object::Compression::{compression},\n\
         {}{space}    tag: {:#x},\n{space}    version: ({}, {}),\n{space}}}",
        field.width,
        bracketed(indent + 4, "default: [", &words(&field.default), "],"),
        message::tag(schema, field),
        version.major,
        version.minor,
    )
}

struct Methods<'a> {
    schema: &'a Schema,
    /// Parameter of the object's type.
    storage: &'a str,
}

impl Methods<'_> {
    /// `body` are statements, of which the last one is the result.
    fn method(&self, about: &str, signature: &str, result: &str, body: &str) -> String {
        let result = format!(" -> {}::Result<{result}> {{", self.storage);
        let (head, parameters) = signature.split_once('(').unwrap_or_default();
        let parameters = parameters.trim_end_matches(')');
        let line = format!("    pub fn {head}({parameters}){result}");
        let signature = if line.len() <= WIDTH {
            line
        } else {
            let parameters = parameters.replace(", ", ",\n        ");
            format!("    pub fn {head}(\n        {parameters},\n    ){result}")
        };
        format!("\n    /// {about}\n{signature}\n        {body}\n    }}\n")
    }

    /// A method that is a call of the contexts.
    fn whole(&self, about: &str, signature: &str, result: &str, call: &str) -> String {
        let body = format!("{}::give(self.contexts.{call})", self.storage);
        self.method(about, signature, result, &body)
    }

    fn of_field(&self, field: &Field, at: usize) -> String {
        let (f, ty) = (&field.name, type_of(field));
        let readable = self.schema.operations.reconstruct.is_some();
        let stream = field.kind == FieldType::DeltaStream;
        let sent = if stream { "crate::Message" } else { "()" };
        let mut text = self.whole(
            &format!("Makes `value` the state of `{f}`, and forgets its history."),
            &format!("load_{f}(&mut self, value: {ty})"),
            "()",
            &format!("load({at}, value)"),
        );
        let (about, call) = match stream {
            true => (", and returns the message of it", "send"),
            false => ("", "accum"),
        };
        text += &self.whole(
            &format!("XORs `delta` into `{f}`{about}."),
            &format!("accum_{f}(&mut self, delta: {ty})"),
            sent,
            &format!("{call}({at}, delta)"),
        );
        if readable {
            text += &self.whole(
                &format!("The state of `{f}`."),
                &format!("read_{f}(&self)"),
                &ty,
                &format!("read({at})"),
            );
        }
        text += &self.whole(
            &format!(
                "Returns the state of `{f}`, begins a new epoch with it, and forgets its history."
            ),
            &format!("swap_{f}(&mut self)"),
            &ty,
            &format!("swap({at})"),
        );
        let panics = |what: &str| format!("\n    ///\n    /// # Panics\n    /// {what}");
        let bit = panics("The field has no bit of that number.");
        let cell = panics("One of x, y and t is more than 3.");
        match field.kind {
            FieldType::DeltaStream => {
                text += &self.whole(
                    &format!(
                        "Accumulates the delta of a message of `{f}`. Where the message is \
                         refused, nothing\n    /// has changed."
                    ),
                    &format!("apply_{f}(&mut self, message: &[u8])"),
                    "::core::result::Result<(), crate::MessageError>",
                    &format!("apply({at}, message)"),
                );
            }
            FieldType::BitmaskDelta => {
                for verb in ["set", "clear", "toggle"] {
                    let does = verb[..1].to_uppercase() + &verb[1..];
                    text += &self.whole(
                        &format!("{does}s a bit of `{f}`, and returns the delta.{bit}"),
                        &format!("{verb}_{f}_bit(&mut self, number: u32)"),
                        &ty,
                        &format!("{verb}_bit({at}, number)"),
                    );
                }
                if readable {
                    text += &self.whole(
                        &format!("A bit of `{f}`.{bit}"),
                        &format!("test_{f}_bit(&self, number: u32)"),
                        "bool",
                        &format!("test_bit({at}, number)"),
                    );
                }
            }
            FieldType::ParameterDelta => {
                text += &self.whole(
                    &format!("Accumulates what changes `{f}` to `value`, and returns that delta."),
                    &format!("set_{f}(&mut self, value: {ty})"),
                    &ty,
                    &format!("set({at}, value)"),
                );
            }
        }
        if field.has_cells() {
            text += &self.method(
                &format!(
                    "XORs `delta` into the cell (x, y, t) of `{f}`; otherwise as accum.{cell}"
                ),
                &format!("accum_{f}_cell(&mut self, cell: [u32; 3], delta: u8)"),
                sent,
                &format!(
                    "let delta = self.contexts.cell({at}, cell, delta);\n        \
                     self.accum_{f}(delta)"
                ),
            );
            if readable {
                text += &self.whole(
                    &format!("The cell (x, y, t) of `{f}`.{cell}"),
                    &format!("read_{f}_cell(&self, cell: [u32; 3])"),
                    "u8",
                    &format!("read_cell({at}, cell)"),
                );
            }
        }
        text
    }

    fn of_object(&self) -> String {
        let object = &self.schema.catalogue.object;
        let mut text = String::new();
        if !settable(self.schema).is_empty() {
            text += &self.whole(
                "Sets several fields, at once for others.",
                &format!("update(&mut self, values: &{object}Update)"),
                "()",
                "update(&values.words())",
            );
            text += &self.method(
                "Sets several fields, if all that are expected have these states. Returns whether \
                 they have.\n    /// All this is at once for others.",
                &format!(
                    "compare_update(&mut self, expected: &{object}Expected, values: \
                     &{object}Update)"
                ),
                "bool",
                &format!(
                    "let (expected, values) = (expected.words(), values.words());\n        \
                     {}::give(self.contexts.compare_update(&expected, &values))",
                    self.storage
                ),
            );
        }
        if self.schema.operations.rollback.is_some() {
            text += &self.whole(
                "Undoes the last accums made through this value, newest first, and returns how \
                 many.",
                "rollback(&mut self, steps: usize)",
                "usize",
                "rollback(steps)",
            );
        }
        text
    }
}

/// Parameters of `update` and `compare_update`.
fn structs(schema: &Schema) -> String {
    if settable(schema).is_empty() {
        return String::new();
    }
    let object = &schema.catalogue.object;
    let all: Vec<&Field> = schema.fields.iter().collect();
    let mut text = String::new();
    for (name, about, fields) in [
        ("Update", "Values that fields are to have", settable(schema)),
        ("Expected", "States that fields are expected to have", all),
    ] {
        text += &format!(
            "\n/// {about}; others are `None`.\n\
             #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]\n\
             pub struct {object}{name} {{\n"
        );
        for field in &fields {
            let (name, ty) = (&field.name, type_of(field));
            text += &format!("    /// Of `{name}`.\n");
            let line = format!("    pub {name}: ::core::option::Option<{ty}>,\n");
            text += &if line.len() <= WIDTH + 1 {
                line
            } else {
                line.replace(": ::", ":\n        ::")
            };
        }
        let count = schema.fields.len();
        text += &format!(
            "}}\n\nimpl {object}{name} {{\n    \
             fn words(&self) -> [::core::option::Option<crate::U256>; {count}] {{\n        \
             let mut words = [::core::option::Option::None; {count}];\n"
        );
        for (at, field) in schema.fields.iter().enumerate() {
            if name == "Expected" || is_settable(field) {
                // Each line is short enough for a name of 64 characters.
                text += &format!(
                    "        let value = self.{};\n        \
                     words[{at}] = crate::value::words(value);\n",
                    field.name
                );
            }
        }
        text += "        words\n    }\n}\n";
    }
    text
}

/// The methods that the vectors call. What is in braces rustfmt leaves as it is.
fn test(schema: &Schema, vectors: &Vectors) -> String {
    let Places { rust, verilog, .. } = schema.places();
    // With `_`, which the name of no object has: rustfmt leaves out an alias that is the name.
    let mut text = made("//");
    text += &format!(
        "//! The vectors of {}.\n\nuse atomik_objects::{rust} as Object_;\n",
        vectors.object
    );
    let mut by_arguments: [Vec<String>; 4] = [vec!["contexts".into()], vec![], vec![], vec![]];
    let mut add = |arguments: usize, name: String| by_arguments[arguments].push(name);
    let readable = schema.operations.reconstruct.is_some();
    for field in &schema.fields {
        let f = &field.name;
        add(1, format!("load_{f}"));
        add(1, format!("accum_{f}"));
        add(0, format!("swap_{f}"));
        if readable {
            add(0, format!("read_{f}"));
        }
        match field.kind {
            FieldType::DeltaStream => add(3, format!("apply_{f}")),
            FieldType::BitmaskDelta => {
                for verb in ["set", "clear", "toggle", "test"] {
                    if readable || verb != "test" {
                        add(1, format!("{verb}_{f}_bit"));
                    }
                }
            }
            FieldType::ParameterDelta => add(1, format!("set_{f}")),
        }
        if field.has_cells() {
            add(2, format!("accum_{f}_cell"));
            if readable {
                add(1, format!("read_{f}_cell"));
            }
        }
    }
    if schema.operations.rollback.is_some() {
        add(1, "rollback".into());
    }
    let list = |names: &[String]| format!("    [{}]\n", names.join("\n        "));
    let mut methods: String = by_arguments.iter().map(|names| list(names)).collect();
    if !settable(schema).is_empty() {
        text += &format!(
            "use atomik_objects::{rust}Expected as Expected_;\n\
             use atomik_objects::{rust}Update as Update_;\n"
        );
        let names = |fields: &[&Field]| -> Vec<_> {
            fields.iter().map(|field| field.name.clone()).collect()
        };
        let all: Vec<_> = schema.fields.iter().collect();
        methods += &format!("    Update_\n{}", list(&names(&settable(schema))));
        methods += &format!("    Expected_\n{}", list(&names(&all)));
    }
    let version = &vectors.version;
    text + &format!("\nvectors! {{ Object_ \"{version}\" \"{verilog}.txt\" {{\n{methods}}} }}\n")
}

/// The vectors: a line for each step.
fn lines(vectors: &Vectors) -> String {
    let mut text = String::new();
    for case in &vectors.cases {
        text += &format!("# {}\n", escape::line(&case.name));
        for step in &case.steps {
            let (call, expect) = line(step);
            text += format!("{call} => {expect}").trim_end();
            text += "\n";
        }
        text += "\n";
    }
    text.truncate(text.trim_end().len());
    text + "\n"
}

/// A call with its arguments, and what it returns.
fn line(step: &Step) -> (String, String) {
    let hex = |value: &Hex| format!("{:#x}", value.0);
    let message = |bytes: &Option<Bytes>| bytes.as_ref().map(Bytes::digits).unwrap_or_default();
    let values = |values: &BTreeMap<String, Hex>| -> String {
        let pairs = values.iter();
        let pairs: Vec<_> = pairs
            .map(|(field, value)| format!(" {field}={:#x}", value.0))
            .collect();
        pairs.concat()
    };
    match step {
        Step::Load { field, value } => (format!("load_{field} {}", hex(value)), String::new()),
        Step::Accum {
            field,
            delta,
            message: sent,
        } => (format!("accum_{field} {}", hex(delta)), message(sent)),
        Step::Read { field, expect } => (format!("read_{field}"), hex(expect)),
        Step::Swap { field, expect } => (format!("swap_{field}"), hex(expect)),
        Step::Set {
            field,
            value,
            expect,
        } => (format!("set_{field} {}", hex(value)), hex(expect)),
        Step::SetBit { field, bit, expect } => (format!("set_{field}_bit {bit}"), hex(expect)),
        Step::ClearBit { field, bit, expect } => (format!("clear_{field}_bit {bit}"), hex(expect)),
        Step::ToggleBit { field, bit, expect } => {
            (format!("toggle_{field}_bit {bit}"), hex(expect))
        }
        Step::TestBit { field, bit, expect } => {
            (format!("test_{field}_bit {bit}"), expect.to_string())
        }
        Step::ReadCell {
            field,
            cell: [x, y, t],
            expect,
        } => (format!("read_{field}_cell {x},{y},{t}"), hex(expect)),
        Step::AccumCell {
            field,
            cell: [x, y, t],
            delta,
            message: sent,
        } => (
            format!("accum_{field}_cell {x},{y},{t} {}", hex(delta)),
            message(sent),
        ),
        Step::Update { values: new } => (format!("update{}", values(new)), String::new()),
        Step::CompareUpdate {
            expected,
            values: new,
            expect,
        } => (
            format!("compare_update{} then{}", values(expected), values(new)),
            expect.to_string(),
        ),
        Step::Rollback { steps, expect } => (format!("rollback {steps}"), format!("{expect:#x}")),
        Step::Apply {
            field,
            message,
            error,
        } => (
            format!("apply_{field} {}", message.digits()),
            error.clone().unwrap_or_default(),
        ),
        Step::Contexts { expect } => {
            let words: Vec<_> = expect.iter().map(hex).collect();
            ("contexts".into(), words.join(","))
        }
    }
}

fn readme(objects: &[Object<'_>], device: bool) -> String {
    let places = if device {
        "in the process, or, with the\nfeature `device`, in tables on `/dev/atomik` that programs \
         in other languages use at the same time"
    } else {
        "in the process"
    };
    let mut text = format!(
        "# atomik-objects\n\nObjects of schemas, kept in atomik contexts {places}.\n\
         In the process it needs no `std`; the history of objects that have `rollback` takes \
         memory from\n`alloc` as it grows. Code that writes `atomik::video::stream::H264Delta` \
         names the crate so in its\n`Cargo.toml`:\n\n```toml\n\
         [dependencies]\natomik = {{ package = \"atomik-objects\", path = \"…\" }}\n```\n\n\
         `cargo test` holds the objects to the vectors, which all languages are tested with.\n"
    );
    text += if device {
        "\nPrograms with tables of `/dev/atomik` also need the crate `atomik`, which the examples \
         call\n`atomik_crate`:\n\n```toml\n[dependencies]\n\
         atomik-objects = { path = \"…\", features = [\"device\"] }\n\
         atomik_crate = { package = \"atomik\", path = \"…\" }\n```\n"
    } else {
        "\n`atomikctl sdk generate --atomik-crate DIR`, with the directory of the crate `atomik`, \
         gives this one\nthe feature `device`: objects in tables on `/dev/atomik`.\n"
    };
    for object in objects {
        let schema = object.schema;
        let places = schema.places();
        let name = &schema.catalogue.object;
        let field = &schema.fields[0];
        text += &format!(
            "\n## {name}\n\n{}\n\n",
            escape::markdown(&description(schema))
        );
        text += &format!(
            "```rust\nuse atomik_objects::{};\n\nlet mut object = {name}::new();\n\
             let before = object.swap_{1}();\nobject.load_{1}(before);\n\
             assert_eq!(object.swap_{1}(), before);\n```\n\n",
            places.rust, field.name
        );
        if device {
            text += &format!(
                "```rust,ignore\nlet table = atomik_crate::Device::open()?.create_table({0})?; \
                 // room for eight\n\
                 let mut object = {name}::on(&table, 3)?; // number 3 of them, contexts {1} to \
                 {2}\nobject.reset()?;\nlet state = object.swap_{3}()?;\n```\n\n",
                schema.contexts() * 8,
                schema.contexts() * 3,
                schema.contexts() * 4 - 1,
                field.name,
            );
        }
        text += &layout_table(schema);
    }
    text += "\n`accum` of a delta_stream returns a `Message`, whose bytes `apply` of another object \
             takes. One that\nis refused is a `MessageError`, and changes nothing. A bit or a cell \
             that a field doesn't have is a\npanic.\n";
    if device {
        text += "\nOn a table each call is one batch, of which others see nothing or all, and \
                 returns the crate\n`atomik`'s `Result`. A change that depends on the state is \
                 made again where others were faster, up to\n`MAX_ATTEMPTS` times. The history, \
                 which `rollback` undoes, is that of the Rust value. A program that\nends in the \
                 middle leaves the object whole, and its history is gone.\n";
    }
    text
}
