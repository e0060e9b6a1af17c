// SPDX-License-Identifier: MIT OR Apache-2.0
//! A page in Markdown for each object.

use super::{description, layout_table};
use crate::escape;
use crate::generate::Object;
use crate::layout::{Layout, Part};
use crate::message;
use crate::names::{camel, field_operations};
use crate::output::Files;
use crate::schema::{Compression, Field, FieldType, Schema};
use crate::vectors::Bytes;

pub(crate) fn package(objects: &[Object<'_>]) -> Files {
    let page = |object: &Object<'_>| {
        (
            format!("{}.md", object.schema.full_name()),
            page(object.schema),
        )
    };
    objects.iter().map(page).collect()
}

fn page(schema: &Schema) -> String {
    let places = schema.places();
    let object = &schema.catalogue.object;
    let mut text = format!(
        "# {}\n\n{}\n\nVersion {}.\n\n",
        schema.full_name(),
        escape::markdown(&description(schema)),
        schema.catalogue.version
    );
    text += &format!(
        "| language | where it is found |\n| --- | --- |\n\
         | Python | `from {} import {object}` |\n| Rust | `atomik_objects::{}` |\n\
         | C | `#include <{}>`, type `{}_t` |\n\
         | JavaScript | `import {{ {object} }} from '{}'` |\n| Verilog | `module {}` |\n\n",
        places.python,
        places.rust,
        places.c_header,
        places.c_prefix,
        places.javascript,
        places.verilog
    );
    text += &layout(schema);
    text += &operations(schema);
    text += &messages(schema);
    text + &constraints(schema)
}

/// Columns of a drawn context: one for two bits.
const COLUMNS: usize = 32;

fn layout(schema: &Schema) -> String {
    let layout = Layout::of(schema);
    let mut text = format!(
        "## Layout\n\nAn object has {} contexts of 64 bits. Object n of a table begins at context \
         n times {0}.\nBits that belong to no field are 0.\n\n```text\ncontext   63{:>28}0\n",
        layout.contexts, ""
    );
    let mut above = 0;
    for (field, place) in schema.fields.iter().zip(&layout.fields) {
        for (at, part) in place.parts.iter().enumerate() {
            // Contexts of one field are one box.
            if at == 0 {
                text += &border(above, part.bits);
                above = part.bits;
            }
            text += &row(field, part);
        }
    }
    text += &border(above, above);
    text += "```\n\n";
    text += &layout_table(schema);
    for field in schema.fields.iter().filter(|field| field.has_cells()) {
        let bits = field.width / 64;
        let s = if bits == 1 { "" } else { "s" };
        text += &format!(
            "\n`{}` is 4 x 4 x 4 cells of {bits} bit{s}. Cell (x, y, t) begins at bit \
             (x + 4 y + 16 t) x {bits} of\nthe field.\n",
            field.name
        );
    }
    text
}

/// The line between fields of these bits, or above the first and below the last.
fn border(above: u32, below: u32) -> String {
    let mut line = vec!['-'; COLUMNS + 1];
    (line[0], line[COLUMNS]) = ('+', '+');
    for bits in [above, below].into_iter().filter(|&bits| bits > 0) {
        line[COLUMNS - bits as usize / 2] = '+';
    }
    format!("         {}\n", line.into_iter().collect::<String>())
}

fn row(field: &Field, part: &Part) -> String {
    let used = part.bits as usize / 2;
    let inside = match COLUMNS - used {
        0 => "/".repeat(used - 1),
        free => format!("{}|{}", " ".repeat(free - 1), "/".repeat(used - 1)),
    };
    let last = part.from + part.bits - 1;
    format!(
        "{:>7}  |{inside}|  {}[{last}:{}]\n",
        part.context, field.name, part.from
    )
}

fn operations(schema: &Schema) -> String {
    let mut text = String::from(
        "\n## Operations\n\n| field | Python, Rust; in C behind the type's name | JavaScript |\n\
         | --- | --- | --- |\n",
    );
    for field in &schema.fields {
        let names = field_operations(schema, field);
        let list = |names: Vec<String>| {
            let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
            names.join(", ")
        };
        let camels = names.iter().map(|name| camel(name)).collect();
        text += &format!(
            "| `{}` | {} | {} |\n",
            field.name,
            list(names),
            list(camels)
        );
    }
    if super::settable(schema).is_empty() {
        text += "\nNo field is set by `update`: all change by messages or by load.\n";
    } else {
        text += "\n`update` sets several fields at once. `compare_update`, in JavaScript \
                 `compareUpdate`, does so if\nfields have the states that are expected.\n";
    }
    match schema.operations.rollback {
        Some(depth) => text += &format!("`rollback` undoes the last accums, at most {depth}.\n"),
        None => text += "There is no `rollback`.\n",
    }
    text
}

/// Bytes of the messages, for each delta_stream.
fn messages(schema: &Schema) -> String {
    let mut text = String::new();
    let streams = schema
        .fields
        .iter()
        .filter(|field| field.kind == FieldType::DeltaStream);
    for field in streams {
        let header = message::header(schema, field, &schema.catalogue.version);
        let digits = |bytes: &[u8]| Bytes(bytes.to_vec()).digits();
        let most = field.bytes();
        let (length, body) = match field.compression {
            Compression::None => (most.to_string(), "the delta, lowest byte first"),
            Compression::Xor => (
                format!("1 to {}", most + 1),
                "the delta: the count of zero bytes at its lower end, then the others without the \
                 zero bytes at its upper end",
            ),
            Compression::Rle => (
                format!("2 to {}", 2 * most),
                "the delta: for each run of equal bytes, lowest first, its length and the byte",
            ),
        };
        text += &format!(
            "\n## Messages of `{}`\n\n| bytes | content |\n| --- | --- |\n\
             | 1 | `{}`, the format |\n| 4 | `{}`, the field |\n\
             | {} | `{}`, version {}.{} |\n| {length} | {body} |\n\
             | 4 | CRC-32 of all bytes before, lowest byte first |\n\n\
             The message of the delta 1 is `{}`.\n",
            field.name,
            digits(&header[..1]),
            digits(&header[1..5]),
            header.len() - 5,
            digits(&header[5..]),
            schema.catalogue.version.major,
            schema.catalogue.version.minor,
            digits(&message::encode(
                schema,
                field,
                &crate::encoding::lay(field, &1u8.into())
            )),
        );
    }
    text
}

fn constraints(schema: &Schema) -> String {
    let constraints = &schema.constraints;
    let most = |what: &str, value: Option<f64>, unit: &str| {
        Some(format!("| {what} | at most {} {unit} |\n", value?))
    };
    let rows = [
        most(
            "memory of an object and its history",
            constraints.max_memory_mb,
            "MiB",
        ),
        most("power", constraints.max_power_mw, "mW"),
        most("time of an update", constraints.update_latency_ms, "ms"),
        Some(format!(
            "| frequency of the Verilog | {} MHz |\n",
            constraints.target_frequency_mhz
        )),
        Some(format!(
            "| cycles of accum | {} |\n",
            schema.operations.accumulate
        )),
        (schema.operations.reconstruct).map(|cycles| format!("| cycles of read | {cycles} |\n")),
    ];
    let rows: String = rows.into_iter().flatten().collect();
    format!("\n## Constraints\n\n| | |\n| --- | --- |\n{rows}")
}
