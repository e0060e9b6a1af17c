// SPDX-License-Identifier: MIT OR Apache-2.0
//! JavaScript: a package of npm for each vertical, with types for TypeScript.

use std::collections::BTreeMap;

use super::{authors, description, groups, layout_table, license, made, settable, version};
use crate::escape;
use crate::generate::Object;
use crate::message;
use crate::names::{camel, snake};
use crate::output::Files;
use crate::schema::{Field, FieldType, Schema};

const WIDTH: usize = 92;

/// What is the same in all packages. No group's file begins with `_`.
const SHARED: [(&str, &str); 6] = [
    ("_contexts.js", include_str!("javascript/_contexts.js")),
    ("_history.js", include_str!("javascript/_history.js")),
    ("_index.d.ts", include_str!("javascript/_index.d.ts")),
    ("_index.js", include_str!("javascript/_index.js")),
    ("_message.js", include_str!("javascript/_message.js")),
    (
        "test/vectors.test.js",
        include_str!("javascript/vectors.test.js"),
    ),
];

/// Groups of a vertical, and their objects.
type Groups<'a, 'b> = BTreeMap<&'a str, Vec<&'b Object<'a>>>;

pub(crate) fn package(objects: &[Object<'_>]) -> Files {
    let mut verticals: BTreeMap<&str, Groups<'_, '_>> = BTreeMap::new();
    for ((vertical, group), objects) in groups(objects) {
        verticals
            .entry(vertical)
            .or_default()
            .insert(group, objects);
    }
    let mut files = Files::new();
    let directories: Vec<_> = verticals.keys().map(|vertical| snake(vertical)).collect();
    files.insert("package.json".into(), workspace(&directories));
    files.insert("README.md".into(), readme(&verticals));
    for (vertical, groups) in &verticals {
        let inside = |(path, text)| (format!("{}/{path}", snake(vertical)), text);
        files.extend(of_vertical(vertical, groups).into_iter().map(inside));
    }
    files
}

fn of_vertical(vertical: &str, groups: &Groups<'_, '_>) -> Files {
    let mut files = Files::new();
    let mut add = |path: String, text: String| files.insert(path, text);
    for (path, text) in SHARED {
        add(path.into(), text.into());
    }
    add("package.json".into(), manifest(vertical, groups));
    add("README.md".into(), readme_of_vertical(vertical, groups));
    for (group, objects) in groups {
        let file = snake(group);
        let heading = format!("{}\n// Objects of {vertical}, {group}.\n", made("//"));
        let mut code = format!(
            "{heading}\nimport {{ Contexts as _Contexts, schema as _schema }} from \
             './_contexts.js';\n"
        );
        let mut types = heading;
        for object in objects {
            code += &class(object.schema);
            types += &declaration(object.schema);
            add(
                format!(
                    "test/vectors/{file}/{}.json",
                    object.schema.catalogue.object
                ),
                object.vectors.to_json(),
            );
        }
        add(format!("{file}.js"), code);
        add(format!("{file}.d.ts"), types);
    }
    files
}

/// A JSON object, of members on lines of their own.
fn json(members: &[String]) -> String {
    format!("{{\n  {}\n}}\n", members.join(",\n  "))
}

fn workspace(directories: &[String]) -> String {
    let quoted: Vec<_> = directories.iter().map(|one| format!("\"{one}\"")).collect();
    json(&[
        "\"private\": true".into(),
        format!("\"workspaces\": [{}]", quoted.join(", ")),
        "\"scripts\": { \"test\": \"npm test --workspaces\" }".into(),
    ])
}

fn manifest(vertical: &str, groups: &Groups<'_, '_>) -> String {
    let objects: Vec<Object<'_>> = groups.values().flatten().map(|&&object| object).collect();
    let mut members = vec![
        format!("\"name\": \"@atomik/{}\"", snake(vertical)),
        format!("\"version\": \"{}\"", version(&objects)),
        format!("\"description\": \"Objects of {vertical}, kept in atomik contexts\""),
    ];
    if let Some(license) = license(&objects) {
        members.push(format!("\"license\": \"{}\"", escape::json(&license)));
    }
    let authors: Vec<_> = authors(&objects)
        .iter()
        .map(|author| format!("{{ \"name\": \"{}\" }}", escape::json(author)))
        .collect();
    if !authors.is_empty() {
        members.push(format!("\"contributors\": [{}]", authors.join(", ")));
    }
    let export = |path: &str, file: &str| {
        format!("\"{path}\": {{ \"types\": \"./{file}.d.ts\", \"default\": \"./{file}.js\" }}")
    };
    let mut exports = vec![export(".", "_index")];
    exports.extend(groups.keys().map(|group| {
        let file = snake(group);
        export(&format!("./{file}"), &file)
    }));
    members.extend([
        "\"type\": \"module\"".into(),
        "\"sideEffects\": false".into(),
        "\"engines\": { \"node\": \">=18\" }".into(),
        "\"files\": [\"*.js\", \"*.d.ts\"]".into(),
        "\"main\": \"./_index.js\"".into(),
        "\"types\": \"./_index.d.ts\"".into(),
        format!("\"exports\": {{\n    {}\n  }}", exports.join(",\n    ")),
        "\"scripts\": { \"test\": \"node --test test/vectors.test.js\" }".into(),
    ]);
    json(&members)
}

/// Name of a schema in its module: one that no object and no import has.
fn constant(schema: &Schema) -> String {
    format!("_{}Schema", schema.catalogue.object)
}

fn class(schema: &Schema) -> String {
    let object = &schema.catalogue.object;
    let version = &schema.catalogue.version;
    let depth = schema.operations.rollback.unwrap_or(0);
    let mut text = format!(
        "\nconst {} = _schema('{}', [{}n, {}n], {depth}, [\n",
        constant(schema),
        schema.full_name(),
        version.major,
        version.minor
    );
    for field in &schema.fields {
        let header: Vec<_> = message::header(schema, field, version)
            .iter()
            .map(|byte| format!("{byte:#04x}"))
            .collect();
        text += &format!(
            "  {{\n    name: '{}',\n    key: '{}',\n    type: '{}',\n    width: {},\n    \
             encoding: '{}',\n    compression: '{}',\n    initial: {:#x}n,\n    \
             header: [{}],\n  }},\n",
            field.name,
            camel(&field.name),
            field.kind.name(),
            field.width,
            field.encoding.name(),
            field.compression.name(),
            field.default,
            header.join(", "),
        );
    }
    text += "]);\n\n";
    text += &about_object(schema);
    text += &format!("export class {object} {{\n");
    text += &format!("  static VERSION = '{version}';\n");
    text += &format!("  static CONTEXTS = {};\n", schema.contexts());
    text += &format!("  static HISTORY_DEPTH = {depth};\n\n");
    text += &format!("  #contexts = new _Contexts({});\n", constant(schema));
    for method in methods(schema) {
        text += &method.code();
    }
    text + "}\n"
}

fn declaration(schema: &Schema) -> String {
    let object = &schema.catalogue.object;
    let version = &schema.catalogue.version;
    let depth = schema.operations.rollback.unwrap_or(0);
    let mut text = format!("\n{}", about_object(schema));
    text += &format!("export declare class {object} {{\n");
    for (name, value, about) in [
        ("VERSION", format!("'{version}'"), "Version of the schema."),
        (
            "CONTEXTS",
            schema.contexts().to_string(),
            "Contexts of one object.",
        ),
        (
            "HISTORY_DEPTH",
            depth.to_string(),
            "Accums that are remembered.",
        ),
    ] {
        text += &format!("  /** {about} */\n  static readonly {name}: {value};\n");
    }
    // As tsc writes it: objects of other classes are none of this one.
    text += "\n  #private;\n\n  /** A new object, with the default values. */\n  constructor();\n";
    for method in methods(schema) {
        text += &method.declaration();
    }
    text + "}\n"
}

fn about_object(schema: &Schema) -> String {
    let mut lines = escape::wrap(&escape::jsdoc(&description(schema)), WIDTH);
    lines.extend([String::new(), "In the process.".into()]);
    comment("", &lines)
}

/// A comment of one line, or of several.
fn comment(indent: &str, lines: &[String]) -> String {
    if let [line] = lines {
        return format!("{indent}/** {line} */\n");
    }
    let mut text = format!("{indent}/**\n");
    for line in lines {
        text += format!("{indent} * {line}").trim_end();
        text.push('\n');
    }
    text + indent + " */\n"
}

/// A method in code and in types, which say the same of it.
struct Method {
    name: String,
    about: Vec<String>,
    /// Names and types.
    parameters: Vec<(String, String)>,
    /// Of the last parameter, where it may be left out.
    default: Option<&'static str>,
    result: &'static str,
    body: String,
}

impl Method {
    fn new(
        name: &str,
        about: &str,
        parameters: &[(&str, &str)],
        result: &'static str,
        call: &str,
    ) -> Method {
        let returns = if result == "void" { "" } else { "return " };
        Method {
            name: camel(name),
            about: vec![about.to_string()],
            parameters: parameters
                .iter()
                .map(|(name, of)| (name.to_string(), of.to_string()))
                .collect(),
            default: None,
            result,
            body: format!("{returns}this.#contexts.{call};"),
        }
    }

    fn note(mut self, line: &str) -> Method {
        self.about.push(line.to_string());
        self
    }

    fn code(&self) -> String {
        let mut about = self.about.clone();
        for (at, (name, of)) in self.parameters.iter().enumerate() {
            let is_last = at + 1 == self.parameters.len();
            about.push(match self.default.filter(|_| is_last) {
                Some(_) => format!("@param {{{of}}} [{name}]"),
                None => format!("@param {{{of}}} {name}"),
            });
        }
        if self.result != "void" {
            about.push(format!("@returns {{{}}}", self.result));
        }
        let mut names: Vec<_> = self
            .parameters
            .iter()
            .map(|(name, _)| name.clone())
            .collect();
        if let (Some(default), Some(last)) = (self.default, names.last_mut()) {
            *last += &format!(" = {default}");
        }
        format!(
            "\n{}  {}({}) {{\n    {}\n  }}\n",
            comment("  ", &about),
            self.name,
            names.join(", "),
            self.body
        )
    }

    fn declaration(&self) -> String {
        let mark = if self.default.is_some() { "?" } else { "" };
        let parameters: Vec<_> = self
            .parameters
            .iter()
            .map(|(name, of)| format!("{name}{mark}: {of}"))
            .collect();
        format!(
            "\n{}  {}({}): {};\n",
            comment("  ", &self.about),
            self.name,
            parameters.join(", "),
            self.result
        )
    }
}

/// Types whose names an object may have, too.
const BYTES: &str = "globalThis.Uint8Array";
const WORDS: &str = "globalThis.BigUint64Array";

const NUMBER: [(&str, &str); 1] = [("number", "number")];
const CELL: [(&str, &str); 3] = [("x", "number"), ("y", "number"), ("t", "number")];

fn methods(schema: &Schema) -> Vec<Method> {
    let mut all = vec![
        Method::new(
            "reset",
            "Gives all fields their default values, and forgets the history.",
            &[],
            "void",
            "reset()",
        ),
        Method::new(
            "contexts",
            "The states of the contexts, as they lie in a table.",
            &[],
            WORDS,
            "states()",
        ),
    ];
    for field in &schema.fields {
        all.extend(field_methods(schema, field));
    }
    let settable = settable(schema);
    if !settable.is_empty() {
        let fields: Vec<_> = schema.fields.iter().collect();
        let [values, expected] = [settable, fields].map(|fields| partial(&fields));
        let [values, expected] = [("values", &values[..]), ("expected", &expected[..])];
        all.push(
            Method::new(
                "update",
                "Sets several fields.",
                &[values],
                "void",
                "update(values)",
            )
            .note("Throws TypeError where it can't set all of them: none is set then."),
        );
        all.push(
            Method::new(
                "compare_update",
                "Sets several fields, if all that are expected have these states.",
                &[expected, values],
                "boolean",
                "compareUpdate(expected, values)",
            )
            .note("Returns whether they have."),
        );
    }
    if schema.operations.rollback.is_some() {
        let mut rollback = Method::new(
            "rollback",
            "Undoes the last accums, newest first, and returns how many.",
            &[("steps", "number")],
            "number",
            "rollback(steps)",
        );
        rollback.default = Some("1");
        all.push(rollback);
    }
    all
}

/// The type of an object that may have these fields.
fn partial(fields: &[&Field]) -> String {
    let members: Vec<_> = fields
        .iter()
        .map(|field| format!("{}?: bigint | undefined", camel(&field.name)))
        .collect();
    format!("{{ {} }}", members.join("; "))
}

fn field_methods(schema: &Schema, field: &Field) -> Vec<Method> {
    let (f, key) = (&field.name, camel(&field.name));
    let width = field.width;
    let readable = schema.operations.reconstruct.is_some();
    let stream = field.kind == FieldType::DeltaStream;
    let (sent, send) = match stream {
        true => (BYTES, "send"),
        false => ("void", "accum"),
    };
    let about = match stream {
        true => format!("XORs `delta`, of {width} bits, into `{key}`, and returns the message."),
        false => format!("XORs `delta`, of {width} bits, into `{key}`."),
    };
    let mut all = vec![
        Method::new(
            &format!("load_{f}"),
            &format!(
                "Makes `value` the state of `{key}`, of {width} bits, and forgets its history."
            ),
            &[("value", "bigint")],
            "void",
            &format!("load('{key}', value)"),
        ),
        Method::new(
            &format!("accum_{f}"),
            &about,
            &[("delta", "bigint")],
            sent,
            &format!("{send}('{key}', delta)"),
        ),
    ];
    if readable {
        all.push(Method::new(
            &format!("read_{f}"),
            &format!("The state of `{key}`."),
            &[],
            "bigint",
            &format!("read('{key}')"),
        ));
    }
    all.push(Method::new(
        &format!("swap_{f}"),
        &format!("Returns the state of `{key}`, begins a new epoch, and forgets its history."),
        &[],
        "bigint",
        &format!("swap('{key}')"),
    ));
    match field.kind {
        FieldType::DeltaStream => all.push(
            Method::new(
                &format!("apply_{f}"),
                &format!("Accumulates the delta of a message of `{key}`."),
                &[("message", BYTES)],
                "void",
                &format!("apply('{key}', message)"),
            )
            .note("Throws MessageError where it is refused: nothing has changed then."),
        ),
        FieldType::BitmaskDelta => {
            for (verb, does) in [("set", "Sets"), ("clear", "Clears"), ("toggle", "Toggles")] {
                all.push(Method::new(
                    &format!("{verb}_{f}_bit"),
                    &format!("{does} a bit of `{key}`, and returns the delta."),
                    &NUMBER,
                    "bigint",
                    &format!("{verb}Bit('{key}', number)"),
                ));
            }
            if readable {
                all.push(Method::new(
                    &format!("test_{f}_bit"),
                    &format!("Whether a bit of `{key}` is set."),
                    &NUMBER,
                    "boolean",
                    &format!("testBit('{key}', number)"),
                ));
            }
        }
        FieldType::ParameterDelta => all.push(Method::new(
            &format!("set_{f}"),
            &format!("Accumulates what changes `{key}` to `value`, and returns that delta."),
            &[("value", "bigint")],
            "bigint",
            &format!("set('{key}', value)"),
        )),
    }
    if field.has_cells() {
        let bits = width / 64;
        let s = if bits == 1 { "" } else { "s" };
        all.push(Method::new(
            &format!("accum_{f}_cell"),
            &format!("XORs `delta`, of {bits} bit{s}, into the cell; x, y and t are 0 to 3."),
            &[&CELL[..], &[("delta", "bigint")]].concat(),
            sent,
            &format!("{send}('{key}', this.#contexts.cellDelta('{key}', x, y, t, delta))"),
        ));
        if readable {
            all.push(Method::new(
                &format!("read_{f}_cell"),
                &format!("The cell, of {bits} bit{s}; x, y and t are 0 to 3."),
                &CELL,
                "bigint",
                &format!("readCell('{key}', x, y, t)"),
            ));
        }
    }
    all
}

const VALUES: &str = "
## Values

Values and deltas of all widths are BigInts: `5n`, not `5`, which is a TypeError. They are masked to
the width, as `BigInt.asUintN` does. Bits, coordinates of cells and steps of `rollback` are numbers;
what is out of range is a RangeError. Messages are of type `Uint8Array`. One that is refused is a
`MessageError`. Its `reason` is `damaged`, `other` (it is of another object or field) or `version`
(it is of a version of the schema that is not compatible).
";

fn readme(verticals: &BTreeMap<&str, Groups<'_, '_>>) -> String {
    let paths: Vec<_> = verticals
        .keys()
        .map(|vertical| format!("./javascript/{}", snake(vertical)))
        .collect();
    let mut text = format!(
        "# Objects of schemas, in JavaScript\n\nA package of ES modules for each vertical, with \
         types, for Node and browsers. None depends on\nanything, so that installing needs no \
         network. Where this directory is `./javascript`:\n\n```sh\nnpm install {}\n```\n\n\
         That links them. `npm pack ./javascript/PACKAGE` makes an archive of one, to be installed \
         elsewhere.\nA browser takes the files as they are, with an import map, or what a bundler \
         makes of them.\n\n`npm test` here holds all objects to the vectors, which all languages \
         are tested with.\n\n| object | where it is found |\n| --- | --- |\n",
        paths.join(" ")
    );
    for object in verticals.values().flat_map(BTreeMap::values).flatten() {
        text += &format!(
            "| `{}` | {} |\n",
            object.schema.catalogue.object,
            import(object)
        );
    }
    text + VALUES
}

fn import(object: &Object<'_>) -> String {
    let (name, path) = (
        &object.schema.catalogue.object,
        object.schema.places().javascript,
    );
    format!("`import {{ {name} }} from '{path}'`")
}

fn readme_of_vertical(vertical: &str, groups: &Groups<'_, '_>) -> String {
    let package = format!("@atomik/{}", snake(vertical));
    let mut text = format!(
        "# {package}\n\nObjects of {vertical}, kept in atomik contexts in the process. ES modules \
         for Node and browsers, with\ntypes.\n"
    );
    for object in groups.values().flatten() {
        let schema = object.schema;
        let name = &schema.catalogue.object;
        text += &format!(
            "\n## {name}\n\n{}\n\n```js\n{};\n{}```\n\n",
            escape::markdown(&description(schema)),
            import(object).trim_matches('`'),
            example(schema, &package)
        );
        text += &layout_table(schema);
    }
    text + VALUES
}

/// Some lines of a program.
fn example(schema: &Schema, package: &str) -> String {
    let name = &schema.catalogue.object;
    let stream = schema
        .fields
        .iter()
        .find(|field| field.kind == FieldType::DeltaStream);
    let operation = |verb: &str, field: &Field| camel(&format!("{verb}_{}", field.name));
    let Some(field) = stream else {
        let field = &schema.fields[0];
        return format!(
            "\nconst object = new {name}();\nobject.{}(5n);\nobject.{}(1n);\nconsole.log(object.{}()); \
             // 4n\n",
            operation("load", field),
            operation("accum", field),
            operation("swap", field),
        );
    };
    format!(
        "import {{ MessageError }} from '{package}';\n\n\
         const [object, mirror] = [new {name}(), new {name}()];\n\
         const message = object.{}(1n);\n\n// Where the message arrives:\ntry {{\n  \
         mirror.{}(message);\n}} catch (error) {{\n  \
         if (!(error instanceof MessageError)) throw error;\n  \
         console.log(`refused: ${{error.reason}}`);\n}}\n",
        operation("accum", field),
        operation("apply", field),
    )
}
