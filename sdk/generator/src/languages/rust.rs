// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rust: a crate without std, of one module for each field of the catalogue.

use std::collections::BTreeMap;

use num_bigint::BigUint;

use super::{authors, description, groups, layout_table, license, made, settable, version};
use crate::escape;
use crate::generate::Object;
use crate::layout::Layout;
use crate::message;
use crate::names::snake;
use crate::output::Files;
use crate::schema::{Compression, Encoding, Field, FieldType, Schema};
use crate::vectors::{Bytes, Hex, Step, Vectors};

pub(crate) fn package(objects: &[Object<'_>], atomik_crate: Option<&str>) -> Files {
    let mut files = Files::new();
    let mut add = |path: String, text: String| files.insert(path, text);
    let made = made("//");
    add("Cargo.toml".into(), manifest(objects, atomik_crate));
    add("README.md".into(), readme(objects));
    // rustfmt breaks lines by how long names are; whoever wants its layout removes this file.
    add(
        "rustfmt.toml".into(),
        "disable_all_formatting = true\n".into(),
    );
    add(
        "src/object.rs".into(),
        include_str!("rust/object.rs").into(),
    );
    add("src/value.rs".into(), include_str!("rust/value.rs").into());
    add(
        "src/message.rs".into(),
        include_str!("rust/message.rs").into(),
    );
    let mut verticals: BTreeMap<String, String> = BTreeMap::new();
    for ((vertical, group), objects) in groups(objects) {
        let [vertical_file, group_file] = [vertical, group].map(snake);
        *verticals.entry(vertical_file.clone()).or_default() +=
            &format!("\n/// {group}.\npub mod {group_file};\n");
        let mut text = format!("{made}//! Objects of {vertical}, {group}.\n");
        for object in objects {
            text += &module(object.schema);
        }
        add(format!("src/{vertical_file}/{group_file}.rs"), text);
    }
    let mut library = format!(
        "{made}#![doc = include_str!(\"../README.md\")]\n#![no_std]\n#![forbid(unsafe_code)]\n\
         #![warn(missing_docs)]\n\nextern crate alloc;\n\nmod message;\n// Not all schemas use all of it.\n\
         #[allow(dead_code)]\nmod object;\nmod value;\n\n\
         pub use message::{{Message, MessageError}};\npub use value::U256;\n"
    );
    for (vertical, text) in verticals {
        library += &format!("\n/// Objects of this vertical.\npub mod {vertical};\n");
        add(
            format!("src/{vertical}.rs"),
            format!("{made}//! Objects by field.\n{text}"),
        );
    }
    add("src/lib.rs".into(), library);
    for object in objects {
        let name = object.schema.places().verilog;
        add(
            format!("tests/{name}.rs"),
            test(object.schema, object.vectors),
        );
    }
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
            // A string of TOML has the escapes of JSON's.
            serde_json::Value::from(path)
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

fn words(value: &BigUint) -> String {
    let mut words = value.to_u64_digits();
    words.resize(4, 0);
    let words: Vec<_> = words.iter().map(|word| format!("{word:#x}")).collect();
    format!("crate::U256([{}])", words.join(", "))
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

fn module(schema: &Schema) -> String {
    let object = &schema.catalogue.object;
    let layout = Layout::of(schema);
    let widest = schema.fields.iter().map(Field::contexts).max().unwrap_or(1);
    let depth = schema.operations.rollback.unwrap_or(0);
    let version = &schema.catalogue.version;
    let mut text = format!("\n{}", doc("", &escape::markdown(&description(schema))));
    text += &format!(
        "///\n/// Version {version}.\n#[derive(Clone, Debug)]\npub struct {object} {{\n    \
         contexts: crate::object::Contexts<{0}, {widest}, {depth}>,\n}}\n\n",
        layout.contexts
    );
    text += &format!(
        "impl {object} {{\n    /// Version of the schema.\n    pub const VERSION: &'static str = \
            \"{version}\";\n    \
         /// Contexts of one object.\n    pub const CONTEXTS: u32 = {};\n\n    \
         const FIELDS: &'static [crate::object::Field] = &[\n",
        layout.contexts
    );
    for (number, (field, first)) in schema.fields.iter().zip(layout.starts()).enumerate() {
        let header: Vec<_> = message::header(schema, field, version)
            .iter()
            .map(|byte| format!("{byte:#04x}"))
            .collect();
        let encoding = match field.encoding {
            Encoding::Rle => "Rle",
            Encoding::Raw | Encoding::Cells => "Raw",
        };
        let compression = match field.compression {
            Compression::None => "None",
            Compression::Xor => "Xor",
            Compression::Rle => "Rle",
        };
        text += &format!(
            "        crate::object::Field {{\n            number: {number},\n            first: \
                {first},\n            \
             width: {},\n            encoding: crate::object::Encoding::{encoding},\n            \
             compression: crate::object::Compression::{compression},\n            default: \
             {},\n            \
             header: &[{}],\n            version: ({}, {}),\n        }},\n",
            field.width,
            words(&field.default),
            header.join(", "),
            version.major,
            version.minor,
        );
    }
    text += "    ];\n\n    /// A new object, with the default values.\n    #[must_use]\n    \
             pub fn new() -> Self {\n        Self { contexts: \
             crate::object::Contexts::new(Self::FIELDS) }\n    }\n\n    \
             /// Gives all fields their default values, and forgets the history.\n    \
             pub fn reset(&mut self) {\n        self.contexts.reset();\n    }\n\n";
    text += &format!(
        "    /// The states of the contexts, as they lie in a table.\n    #[must_use]\n    \
         pub fn contexts(&self) -> [u64; {}] {{\n        self.contexts.states()\n    }}\n",
        layout.contexts
    );
    for (number, field) in schema.fields.iter().enumerate() {
        text += &methods(schema, field, number);
    }
    text += &object_methods(schema);
    text += "}\n\n";
    text + &format!(
        "impl Default for {object} {{\n    fn default() -> Self \
            {{\n        Self::new()\n    }}\n}}\n{}",
        structs(schema)
    )
}

fn method(about: &str, must_use: bool, signature: &str, body: &str) -> String {
    let must_use = if must_use { "    #[must_use]\n" } else { "" };
    format!("\n    /// {about}\n{must_use}    pub fn {signature} {{\n        {body}\n    }}\n")
}

fn methods(schema: &Schema, field: &Field, number: usize) -> String {
    let (f, ty) = (&field.name, type_of(field));
    let at = format!("&Self::FIELDS[{number}]");
    let readable = schema.operations.reconstruct.is_some();
    let stream = field.kind == FieldType::DeltaStream;
    let mut text = method(
        &format!("Makes `value` the state of `{f}`, and forgets its history."),
        false,
        &format!("load_{f}(&mut self, value: {ty})"),
        &format!("self.contexts.load({at}, value);"),
    );
    text += &if stream {
        method(
            &format!("XORs `delta` into `{f}`, and returns the message of it."),
            false,
            &format!("accum_{f}(&mut self, delta: {ty}) -> crate::Message"),
            &format!(
                "self.contexts.accum({at}, delta);\n        \
                 crate::Message::of({at}, delta)"
            ),
        )
    } else {
        method(
            &format!("XORs `delta` into `{f}`."),
            false,
            &format!("accum_{f}(&mut self, delta: {ty})"),
            &format!("self.contexts.accum({at}, delta);"),
        )
    };
    if readable {
        text += &method(
            &format!("The state of `{f}`."),
            true,
            &format!("read_{f}(&self) -> {ty}"),
            &format!("self.contexts.read({at})"),
        );
    }
    text += &method(
        &format!(
            "Returns the state of `{f}`, begins a new epoch with it, and forgets its history."
        ),
        false,
        &format!("swap_{f}(&mut self) -> {ty}"),
        &format!("self.contexts.swap({at})"),
    );
    let panics = |what: &str| format!("\n    ///\n    /// # Panics\n    /// {what}");
    let bit = panics("The field has no bit of that number.");
    let cell = panics("One of x, y and t is more than 3.");
    match field.kind {
        FieldType::DeltaStream => {
            text += &method(
                &format!(
                    "Accumulates the delta of a message of `{f}`.\n    ///\n    /// # Errors\n    \
                          /// The message is refused; nothing has changed."
                ),
                false,
                &format!(
                    "apply_{f}(&mut self, message: &[u8]) -> ::core::result::Result<(), \
                        crate::MessageError>"
                ),
                &format!("self.contexts.apply({at}, message)"),
            );
        }
        FieldType::BitmaskDelta => {
            for (verb, does, set) in [("set", "Sets", "true"), ("clear", "Clears", "false")] {
                text += &method(
                    &format!("{does} a bit of `{f}`, and returns the delta.{bit}"),
                    false,
                    &format!("{verb}_{f}_bit(&mut self, number: u32) -> {ty}"),
                    &format!("self.contexts.set_bit({at}, number, {set})"),
                );
            }
            text += &method(
                &format!("Toggles a bit of `{f}`, and returns the delta.{bit}"),
                false,
                &format!("toggle_{f}_bit(&mut self, number: u32) -> {ty}"),
                &format!("self.contexts.toggle_bit({at}, number)"),
            );
            if readable {
                text += &method(
                    &format!("A bit of `{f}`.{bit}"),
                    true,
                    &format!("test_{f}_bit(&self, number: u32) -> bool"),
                    &format!("self.contexts.test_bit({at}, number)"),
                );
            }
        }
        FieldType::ParameterDelta => {
            text += &method(
                &format!("Accumulates what changes `{f}` to `value`, and returns that delta."),
                false,
                &format!("set_{f}(&mut self, value: {ty}) -> {ty}"),
                &format!("self.contexts.set({at}, value)"),
            );
        }
    }
    if field.has_cells() {
        let (result, end) = if stream {
            (" -> crate::Message", "")
        } else {
            ("", ";")
        };
        text += &method(
            &format!("XORs `delta` into the cell (x, y, t) of `{f}`; otherwise as accum.{cell}"),
            false,
            &format!("accum_{f}_cell(&mut self, [x, y, t]: [u32; 3], delta: u8){result}"),
            &format!(
                "let delta = crate::object::cell_delta({at}, [x, y, t], delta);\n        \
                 self.accum_{f}(delta){end}"
            ),
        );
        if readable {
            text += &method(
                &format!("The cell (x, y, t) of `{f}`.{cell}"),
                true,
                &format!("read_{f}_cell(&self, [x, y, t]: [u32; 3]) -> u8"),
                &format!("self.contexts.read_cell({at}, [x, y, t])"),
            );
        }
    }
    text
}

fn object_methods(schema: &Schema) -> String {
    let object = &schema.catalogue.object;
    let mut text = String::new();
    let number = |field: &Field| schema.fields.iter().position(|one| one.name == field.name);
    if !settable(schema).is_empty() {
        let sets: Vec<_> = settable(schema)
            .iter()
            .map(|field| {
                let at = number(field).unwrap_or_default();
                format!(
                    "if let ::core::option::Option::Some(value) = values.{} {{\n            \
                     self.contexts.set(&Self::FIELDS[{at}], value);\n        }}",
                    field.name
                )
            })
            .collect();
        text += &method(
            "Sets several fields.",
            false,
            &format!("update(&mut self, values: &{object}Update)"),
            &sets.join("\n        "),
        );
        let holds: Vec<_> = schema
            .fields
            .iter()
            .enumerate()
            .map(|(at, field)| {
                format!(
                    "expected.{}.is_none_or(|state| self.contexts.read::<{}>(&Self::FIELDS[{at}]) \
                        == state)",
                    field.name,
                    type_of(field)
                )
            })
            .collect();
        text += &method(
            "Sets several fields, if all that are expected have these states. Returns whether \
                they have.",
            false,
            &format!(
                "compare_update(&mut self, expected: &{object}Expected, values: &{object}Update) \
                    -> bool"
            ),
            &format!(
                "let holds = {};\n        if holds \
                    {{\n            self.update(values);\n        }}\n        holds",
                holds.join("\n            && ")
            ),
        );
    }
    if schema.operations.rollback.is_some() {
        text += &method(
            "Undoes the last accums, newest first, and returns how many.",
            false,
            "rollback(&mut self, steps: usize) -> usize",
            "self.contexts.rollback(steps)",
        );
    }
    text
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
            "\n/// {about}; others are `None`.\n#[derive(Clone, Copy, Debug, Default, PartialEq, \
                Eq)]\n\
             pub struct {object}{name} {{\n"
        );
        for field in fields {
            text += &format!(
                "    /// Of `{0}`.\n    pub {0}: ::core::option::Option<{1}>,\n",
                field.name,
                type_of(field)
            );
        }
        text += "}\n";
    }
    text
}

/// The vectors as calls, one function for each case.
fn test(schema: &Schema, vectors: &Vectors) -> String {
    let object = &schema.catalogue.object;
    let places = schema.places();
    let mut text = made("//");
    text += &format!(
        "//! The vectors of {}, which all languages are tested with.\n\n\
         #![allow(unused_imports, unused_mut, clippy::bool_assert_comparison)]\n\
         #![allow(clippy::needless_update, clippy::too_many_lines)]\n\n\
         use atomik_objects::{{MessageError, U256}};\nuse atomik_objects::{} as Object;\n",
        vectors.object, places.rust
    );
    if !settable(schema).is_empty() {
        text += &format!(
            "use atomik_objects::{0}Update as Update;\nuse atomik_objects::{0}Expected as \
                Expected;\n",
            places.rust
        );
    }
    text += &format!(
        "\n/// Why a message was refused, in a word.\n#[allow(dead_code)]\n\
         fn reason(result: Result<(), MessageError>) -> &'static str {{\n    match result \
         {{\n        \
         Ok(()) => \"\",\n        Err(MessageError::Damaged) => \"damaged\",\n        \
         Err(MessageError::Other) => \"other\",\n        Err(_) => \"version\",\n    }}\n}}\n\n\
         #[test]\nfn version() {{\n    assert_eq!(Object::VERSION, \"{}\");\n}}\n",
        vectors.version
    );
    let _ = object;
    for (number, case) in vectors.cases.iter().enumerate() {
        text += &format!(
            "\n/// {}\n#[test]\nfn case_{number}() {{\n    let mut object = Object::new();\n",
            escape::markdown(&case.name)
        );
        for (at, step) in case.steps.iter().enumerate() {
            text += &format!("    {} // {}\n", call(schema, step), at + 1);
        }
        text += "}\n";
    }
    text
}

fn call(schema: &Schema, step: &Step) -> String {
    let width = |field: &String| {
        schema
            .fields
            .iter()
            .find(|one| one.name == *field)
            .map_or(64, |field| field.width)
    };
    let literal = |field: &String, value: &Hex| match width(field) {
        256 => words(&value.0).replace("crate::", ""),
        _ => format!("{:#x}", value.0),
    };
    let bytes = |bytes: &Bytes| {
        let bytes: Vec<_> = bytes.0.iter().map(|byte| byte.to_string()).collect();
        format!("[{}]", bytes.join(", "))
    };
    let equal = |call: String, expect: String| format!("assert_eq!(object.{call}, {expect});");
    let sent = |call: String, message: &Option<Bytes>| match message {
        Some(message) => format!("assert_eq!(object.{call}[..], {});", bytes(message)),
        None => format!("object.{call};"),
    };
    let values = |kind: &str, values: &BTreeMap<String, Hex>| {
        let inner: Vec<_> = values
            .iter()
            .map(|(field, value)| format!("{field}: Some({})", literal(field, value)))
            .collect();
        format!(
            "&{kind} {{ {} ..Default::default() }}",
            inner
                .iter()
                .map(|i| format!("{i}, "))
                .collect::<Vec<_>>()
                .concat()
        )
    };
    match step {
        Step::Load { field, value } => {
            format!("object.load_{field}({});", literal(field, value))
        }
        Step::Accum {
            field,
            delta,
            message,
        } => sent(format!("accum_{field}({})", literal(field, delta)), message),
        Step::Read { field, expect } => equal(format!("read_{field}()"), literal(field, expect)),
        Step::Swap { field, expect } => equal(format!("swap_{field}()"), literal(field, expect)),
        Step::Set {
            field,
            value,
            expect,
        } => equal(
            format!("set_{field}({})", literal(field, value)),
            literal(field, expect),
        ),
        Step::SetBit { field, bit, expect } => {
            equal(format!("set_{field}_bit({bit})"), literal(field, expect))
        }
        Step::ClearBit { field, bit, expect } => {
            equal(format!("clear_{field}_bit({bit})"), literal(field, expect))
        }
        Step::ToggleBit { field, bit, expect } => {
            equal(format!("toggle_{field}_bit({bit})"), literal(field, expect))
        }
        Step::TestBit { field, bit, expect } => {
            equal(format!("test_{field}_bit({bit})"), expect.to_string())
        }
        Step::ReadCell {
            field,
            cell,
            expect,
        } => equal(
            format!("read_{field}_cell({cell:?})"),
            format!("{:#x}", expect.0),
        ),
        Step::AccumCell {
            field,
            cell,
            delta,
            message,
        } => sent(
            format!("accum_{field}_cell({cell:?}, {:#x})", delta.0),
            message,
        ),
        Step::Update { values: new } => format!("object.update({});", values("Update", new)),
        Step::CompareUpdate {
            expected,
            values: new,
            expect,
        } => equal(
            format!(
                "compare_update({}, {})",
                values("Expected", expected),
                values("Update", new)
            ),
            expect.to_string(),
        ),
        Step::Rollback { steps, expect } => equal(format!("rollback({steps})"), expect.to_string()),
        Step::Apply {
            field,
            message,
            error,
        } => format!(
            "assert_eq!(reason(object.apply_{field}(&{})), \"{}\");",
            bytes(message),
            escape::json(error.as_deref().unwrap_or_default())
        ),
        Step::Contexts { expect } => {
            let words: Vec<_> = expect.iter().map(|word| format!("{:#x}", word.0)).collect();
            equal("contexts()".into(), format!("[{}]", words.join(", ")))
        }
    }
}

fn readme(objects: &[Object<'_>]) -> String {
    let mut text = String::from(
        "# atomik-objects\n\nObjects of schemas, kept in atomik contexts in the process. Without \
            `std`; the history \
         of objects\nthat have `rollback` takes memory from `alloc` as it grows. Code that writes\n\
         `atomik::video::stream::H264Delta` names the crate so in its `Cargo.toml`:\n\n```toml\n\
         [dependencies]\natomik = { package = \"atomik-objects\", path = \"…\" }\n```\n\n\
         `cargo test` holds the objects to the vectors, which all languages are tested with.\n",
    );
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
        text += &layout_table(schema);
    }
    text
}
