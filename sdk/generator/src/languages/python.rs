// SPDX-License-Identifier: MIT OR Apache-2.0
//! Python: a typed package of classes, in the process or on a table.

use super::{
    authors, description, groups, is_settable, layout_table, license, made, settable, version,
};
use crate::escape;
use crate::generate::Object;
use crate::layout::Layout;
use crate::message;
use crate::output::Files;
use crate::schema::{Field, FieldType, Schema};

const WIDTH: usize = 92;
/// Longer lines are broken as ruff does it.
const LINE: usize = 100;

pub(crate) fn package(objects: &[Object<'_>]) -> Files {
    let mut files = Files::new();
    let mut add = |path: String, text: String| files.insert(path, text);
    let made = made("#");
    add("pyproject.toml".into(), pyproject(objects));
    add("README.md".into(), readme(objects));
    add("src/atomik/py.typed".into(), String::new());
    add(
        "src/atomik/_object.py".into(),
        include_str!("python/_object.py").into(),
    );
    add(
        "src/atomik/__init__.py".into(),
        format!(
            "{made}\"\"\"Objects of schemas.\"\"\"\n\n\
         from ._object import MessageError, Table\n\n__all__ = [\"MessageError\", \"Table\"]\n"
        ),
    );
    for ((vertical, group), objects) in groups(objects) {
        add(format!("src/atomik/{vertical}/__init__.py"), made.clone());
        let mut text = format!(
            "{made}\"\"\"Objects of {vertical}, {group}.\"\"\"\n\n\
             from __future__ import annotations\n\n\
             from collections.abc import Mapping as _Mapping\n\
             from typing import ClassVar as _ClassVar\n\n\
             from ..._object import Field as _Field\nfrom ..._object import Object as \
             _Object\n\n"
        );
        let names: Vec<_> = objects
            .iter()
            .map(|object| format!("\"{}\"", object.schema.catalogue.object))
            .collect();
        let line = format!("__all__ = [{}]\n", names.join(", "));
        text += &if line.len() <= LINE + 1 {
            line
        } else {
            format!("__all__ = [\n    {},\n]\n", names.join(",\n    "))
        };
        for object in &objects {
            text += &class(object.schema);
        }
        if !text.contains("_Mapping[") {
            text = text.replace("from collections.abc import Mapping as _Mapping\n", "");
        }
        add(format!("src/atomik/{vertical}/{group}/__init__.py"), text);
    }
    let tests = include_str!("python/test_vectors.py");
    add("tests/test_vectors.py".into(), tests.into());
    for object in objects {
        let name = object.schema.full_name();
        add(
            format!("tests/vectors/{name}.json"),
            object.vectors.to_json(),
        );
    }
    files
}

fn pyproject(objects: &[Object<'_>]) -> String {
    let mut text = made("#")
        + "[build-system]\nrequires = [\"setuptools>=77\"]\n\
           build-backend = \"setuptools.build_meta\"\n\n[project]\nname = \"atomik-objects\"\n";
    text += &format!("version = \"{}\"\n", version_of_python(&version(objects)));
    text += "description = \"Objects of schemas, kept in atomik contexts\"\nreadme = \
        \"README.md\"\n\
             requires-python = \">=3.9\"\n";
    if let Some(license) = license(objects) {
        text += &format!("license = \"{}\"\n", escape::json(&license));
    }
    let authors: Vec<_> = authors(objects)
        .iter()
        .map(|author| format!("{{ name = \"{}\" }}", escape::json(author)))
        .collect();
    if !authors.is_empty() {
        text += &format!("authors = [{}]\n", authors.join(", "));
    }
    text + "classifiers = [\"Typing :: Typed\"]\n\n[project.optional-dependencies]\n\
            # Tables on /dev/atomik.\ndevice = [\"atomik_core\"]\n\n\
            [tool.setuptools.packages.find]\nwhere = [\"src\"]\n\n\
            [tool.setuptools.package-data]\natomik = [\"py.typed\"]\n\n\
            [tool.mypy]\nstrict = true\nmypy_path = \"src\"\n\n[tool.ruff]\nline-length = 100\n"
}

/// A version as Python has it. Its pre-releases have other names, so that those of a semantic
/// version become a local part.
fn version_of_python(version: &str) -> String {
    match version.find(['-', '+']) {
        None => version.to_string(),
        Some(at) => {
            let rest: String = version[at + 1..]
                .chars()
                .map(|c| {
                    if c.is_ascii_alphanumeric() {
                        c.to_ascii_lowercase()
                    } else {
                        '.'
                    }
                })
                .collect();
            let rest: Vec<_> = rest.split('.').filter(|part| !part.is_empty()).collect();
            let dev = if version[at..].starts_with('-') {
                ".dev0"
            } else {
                ""
            };
            // Of hyphens alone nothing is left.
            let plus = if rest.is_empty() { "" } else { "+" };
            format!("{}{dev}{plus}{}", &version[..at], rest.join("."))
        }
    }
}

fn class(schema: &Schema) -> String {
    let object = &schema.catalogue.object;
    let layout = Layout::of(schema);
    let mut text = format!("\n\nclass {object}(_Object):\n");
    // A docstring of one line, or of several.
    let lines = escape::wrap(&escape::python(&description(schema)), WIDTH - 8);
    text += &format!("    \"\"\"{}\n\n", lines.join("\n    "));
    text += "    In the process, or the object number `index` of a table, which others share. \
        There, `reset`\n    \
             gives it the default values.\n    \"\"\"\n\n";
    let version = &schema.catalogue.version;
    text += &string("VERSION", &version.to_string());
    text += &format!("    CONTEXTS: _ClassVar[int] = {}\n", layout.contexts);
    let depth = schema.operations.rollback.unwrap_or(0);
    text += &format!("    HISTORY_DEPTH: _ClassVar[int] = {depth}\n");
    text += &string("_NAME", &schema.full_name());
    text += &format!(
        "    _VERSION: _ClassVar[tuple[int, int]] = ({}, {})\n",
        version.major, version.minor
    );
    text += "    FIELDS: _ClassVar[tuple[_Field, ...]] = (\n";
    for (number, (field, first)) in schema.fields.iter().zip(layout.starts()).enumerate() {
        text += &constant(schema, field, number, first);
    }
    text += "    )\n";
    for (number, field) in schema.fields.iter().enumerate() {
        text += &methods(schema, field, number);
    }
    text + &object_methods(schema)
}

/// A constant.
fn string(name: &str, value: &str) -> String {
    let line = format!("    {name}: _ClassVar[str] = \"{value}\"\n");
    if line.len() <= LINE + 1 {
        line
    } else {
        format!("    {name}: _ClassVar[str] = (\n        \"{value}\"\n    )\n")
    }
}

fn constant(schema: &Schema, field: &Field, number: usize, first: u32) -> String {
    let header = message::header(schema, field, &schema.catalogue.version);
    format!(
        "        _Field(\n            name=\"{}\",\n            number={number},\n            \
         first={first},\n            width={},\n            encoding=\"{}\",\n            \
         compression=\"{}\",\n            default={:#X},\n            \
         header=bytes.fromhex(\"{}\"),\n        ),\n",
        field.name,
        field.width,
        field.encoding.name(),
        field.compression.name(),
        field.default,
        crate::vectors::Bytes(header).digits(),
    )
}

fn method(signature: &str, about: &str, body: &str) -> String {
    let line = format!("    def {signature}:");
    let signature = if line.len() <= LINE {
        line
    } else {
        let (head, rest) = line.split_once('(').unwrap_or_default();
        let (parameters, result) = rest.split_once(')').unwrap_or_default();
        format!("{head}(\n        {parameters}\n    ){result}")
    };
    format!("\n{signature}\n        \"\"\"{about}\"\"\"\n        {body}\n")
}

fn methods(schema: &Schema, field: &Field, number: usize) -> String {
    let (f, constant) = (&field.name, format!("self.FIELDS[{number}]"));
    let readable = schema.operations.reconstruct.is_some();
    let mut text = method(
        &format!("load_{f}(self, value: int) -> None"),
        "Make `value` the state, and forget the field's history.",
        &format!("self._load({constant}, value)"),
    );
    let stream = field.kind == FieldType::DeltaStream;
    text += &if stream {
        method(
            &format!("accum_{f}(self, delta: int) -> bytes"),
            "XOR `delta` into the state, and return the message of it.",
            &format!(
                "self._accum({constant}, delta)\n        return self._message({constant}, delta)"
            ),
        )
    } else {
        method(
            &format!("accum_{f}(self, delta: int) -> None"),
            "XOR `delta` into the state.",
            &format!("self._accum({constant}, delta)"),
        )
    };
    if readable {
        text += &method(
            &format!("read_{f}(self) -> int"),
            "Return the state.",
            &format!("return self._read({constant})"),
        );
    }
    text += &method(
        &format!("swap_{f}(self) -> int"),
        "Return the state, begin a new epoch with it, and forget the field's history.",
        &format!("return self._swap({constant})"),
    );
    match field.kind {
        FieldType::DeltaStream => {
            text += &method(
                &format!("apply_{f}(self, message: bytes) -> None"),
                "Accumulate the delta of a message. One that is refused raises MessageError.",
                &format!("self._apply({constant}, message)"),
            );
        }
        FieldType::BitmaskDelta => {
            for (verb, about, change) in [
                ("set", "Set bit `number`", "lambda state: bit & ~state"),
                ("clear", "Clear bit `number`", "lambda state: bit & state"),
            ] {
                text += &method(
                    &format!("{verb}_{f}_bit(self, number: int) -> int"),
                    &format!("{about}, and return the delta."),
                    &format!(
                        "bit = {constant}.bit(number)\n        \
                         return self._change({constant}, {change})"
                    ),
                );
            }
            text += &method(
                &format!("toggle_{f}_bit(self, number: int) -> int"),
                "Toggle bit `number`, and return the delta.",
                &format!(
                    "bit = {constant}.bit(number)\n        self._accum({constant}, bit)\n        \
                     return bit"
                ),
            );
            if readable {
                text += &method(
                    &format!("test_{f}_bit(self, number: int) -> bool"),
                    "Return whether bit `number` is set.",
                    &format!("return self._read({constant}) & {constant}.bit(number) != 0"),
                );
            }
        }
        FieldType::ParameterDelta => {
            text += &method(
                &format!("set_{f}(self, value: int) -> int"),
                "Accumulate what changes the state to `value`, and return that delta.",
                &format!("return self._set({constant}, value)"),
            );
        }
    }
    if field.has_cells() {
        let result = if stream { "bytes" } else { "None" };
        let ret = if stream { "return " } else { "" };
        text += &method(
            &format!("accum_{f}_cell(self, x: int, y: int, t: int, delta: int) -> {result}"),
            "XOR `delta` into the cell (x, y, t), each 0 to 3; otherwise as accum.",
            &format!(
                "delta = self._cell({constant}, x, y, t, delta)\n        {ret}self.accum_{f}(delta)"
            ),
        );
        if readable {
            text += &method(
                &format!("read_{f}_cell(self, x: int, y: int, t: int) -> int"),
                "Return the cell (x, y, t), each 0 to 3.",
                &format!("return self._read_cell({constant}, x, y, t)"),
            );
        }
    }
    text
}

fn object_methods(schema: &Schema) -> String {
    let mut text = String::new();
    let settable = settable(schema);
    if !settable.is_empty() {
        let parameters: Vec<_> = settable
            .iter()
            .map(|field| format!("        {}: int | None = None,\n", field.name))
            .collect();
        let numbered = schema.fields.iter().enumerate();
        let values: Vec<_> = numbered
            .filter(|(_, field)| is_settable(field))
            .map(|(number, field)| format!("            self.FIELDS[{number}]: {},\n", field.name))
            .collect();
        let (parameters, values) = (parameters.concat(), values.concat());
        text += &format!(
            "\n    def update(\n        self,\n        *,\n{parameters}    ) -> None:\n        \
             \"\"\"Set several fields, at once for others.\"\"\"\n        \
             _values = {{\n{values}        }}\n        self._update(_values)\n"
        );
        text += &format!(
            "\n    def compare_update(\n        self,\n        _expected: _Mapping[str, \
                int],\n        \
             /,\n        *,\n{parameters}    ) -> bool:\n        \
             \"\"\"Set several fields, if all of the expected ones, by name, have the states that \
             it says.\n\n        \
             Return whether they have. All this is at once for others.\n        \"\"\"\n        \
             _fields = {{field.name: field for field in self.FIELDS}}\n        \
             _states = {{_fields[name]: state for name, state in _expected.items()}}\n        \
             _values = {{\n{values}        }}\n        return self._update(_values, _states)\n"
        );
    }
    if schema.operations.rollback.is_some() {
        text += &method(
            "rollback(self, steps: int = 1) -> int",
            "Undo the last accums of this Python object, newest first, and return how many.",
            "return self._rollback(steps)",
        );
    }
    text
}

fn readme(objects: &[Object<'_>]) -> String {
    let mut text = String::from(
        "# atomik-objects\n\nObjects of schemas, kept in atomik contexts: in the process, or in a \
            table on \
         `/dev/atomik`\nthat programs in other languages use at the same time.\n\n```sh\npip \
         install .\n\
         python -m unittest discover tests\n```\n\n\
         Where objects have been removed or renamed, `rm -r build` comes first: setuptools leaves \
         that\ndirectory here, and installs again what lies in it.\n",
    );
    for object in objects {
        let schema = object.schema;
        let places = schema.places();
        let name = &schema.catalogue.object;
        text += &format!(
            "\n## {name}\n\n{}\n\n",
            escape::markdown(&description(schema))
        );
        text += &format!("```python\nfrom {} import {name}\n\n", places.python);
        text += &format!("one = {name}()  # in the process\n");
        text += &format!(
            "\nimport atomik_core\n\ntable = atomik_core.DeviceTable({0})  # room for eight\n\
             other = {name}(table, 3)  # number 3 of them, contexts {1} to \
             {2}\nother.reset()\n```\n\n",
            schema.contexts() * 8,
            schema.contexts() * 3,
            schema.contexts() * 4 - 1,
        );
        text += &layout_table(schema);
    }
    text + "\nValues are integers, and are masked to the width. Bits and cells that a field doesn't \
            have are an\n`IndexError`. The history, which `rollback` undoes, is that of the Python \
            object, also where others\nchange the same contexts.\n\n\
            `accum` of a delta_stream returns a message, of type `bytes`, which `apply` of another \
            object takes.\nOne that is refused is an `atomik.MessageError`, a `ValueError`: its \
            `reason` is `damaged`, `other`\n(it is of another object or field) or `version` (it is \
            of a version of the schema that is not\ncompatible).\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_python() {
        for (version, of_python) in [
            ("1.2.3", "1.2.3"),
            ("1.2.3-rc.1", "1.2.3.dev0+rc.1"),
            ("1.2.3+a-B.7", "1.2.3+a.b.7"),
            ("1.2.3--", "1.2.3.dev0"),
            ("1.2.3+-.-", "1.2.3"),
        ] {
            assert_eq!(version_of_python(version), of_python);
        }
    }
}
