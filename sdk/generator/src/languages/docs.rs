// SPDX-License-Identifier: MIT OR Apache-2.0
//! A page in Markdown for each object.

use super::{description, layout_table};
use crate::escape;
use crate::generate::Object;
use crate::layout::Layout;
use crate::names::field_operations;
use crate::output::Files;
use crate::schema::Schema;

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
         | C | `#include <{}>`, type `{}_t` |\n\n",
        places.python, places.rust, places.c_header, places.c_prefix
    );
    text +=
        "## Layout\n\nObject n of a table begins at context n times the number of contexts.\n\n";
    text += &format!("```text\n{}```\n\n", Layout::of(schema));
    text += &layout_table(schema);
    text += "\n## Operations\n\n";
    for field in &schema.fields {
        let names: Vec<_> = field_operations(schema, field)
            .iter()
            .map(|name| format!("`{name}`"))
            .collect();
        text += &format!("- {}\n", names.join(", "));
    }
    if let Some(depth) = schema.operations.rollback {
        text += &format!("- `rollback`, of the last {depth} accums\n");
    }
    text + &constraints(schema)
}

fn constraints(schema: &Schema) -> String {
    let constraints = &schema.constraints;
    let given = [
        (
            "Memory of an object and its history",
            constraints.max_memory_mb,
            "MiB",
        ),
        ("Power", constraints.max_power_mw, "mW"),
        ("Time of an update", constraints.update_latency_ms, "ms"),
    ];
    let rows: Vec<_> = given
        .iter()
        .filter_map(|(what, value, unit)| {
            Some(format!("| {what} | at most {} {unit} |\n", (*value)?))
        })
        .collect();
    match rows.is_empty() {
        true => String::new(),
        false => format!(
            "\n## Constraints\n\n| | |\n| --- | --- |\n{}",
            rows.concat()
        ),
    }
}
