// SPDX-License-Identifier: MIT OR Apache-2.0
//! The packages of each language, and what they have in common.

pub(crate) mod c;
pub(crate) mod docs;
pub(crate) mod javascript;
pub(crate) mod python;
pub(crate) mod rust;
pub(crate) mod verilog;

use std::collections::{BTreeMap, BTreeSet};

use crate::escape;
use crate::generate::Object;
use crate::schema::{Field, FieldType, Schema};

/// First line of each file. `comment` is the language's.
fn made(comment: &str) -> String {
    format!("{comment} Made by `atomikctl sdk generate`: change the schema, not this file.\n")
}

/// The same, for C.
fn made_block() -> String {
    made("/*").replace('\n', " */\n")
}

/// Objects by vertical and group.
fn groups<'a, 'b>(objects: &'b [Object<'a>]) -> BTreeMap<(&'a str, &'a str), Vec<&'b Object<'a>>> {
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for object in objects {
        let catalogue = &object.schema.catalogue;
        let key = (catalogue.vertical.as_str(), catalogue.group.as_str());
        groups.entry(key).or_default().push(object);
    }
    groups
}

/// The package's version: the largest of its schemas'.
fn version(objects: &[Object<'_>]) -> String {
    let versions = objects
        .iter()
        .map(|object| &object.schema.catalogue.version);
    versions.max().map_or("0.0.0".into(), ToString::to_string)
}

/// The licenses of all schemas, as one SPDX expression.
fn license(objects: &[Object<'_>]) -> Option<String> {
    let licenses: BTreeSet<&str> = objects
        .iter()
        .filter_map(|object| object.schema.catalogue.license.as_deref())
        .collect();
    let licenses: Vec<_> = licenses.into_iter().collect();
    match licenses[..] {
        [] => None,
        [one] => Some(one.to_string()),
        _ => Some(
            licenses
                .iter()
                .map(|one| format!("({one})"))
                .collect::<Vec<_>>()
                .join(" AND "),
        ),
    }
}

fn authors(objects: &[Object<'_>]) -> Vec<String> {
    let authors: BTreeSet<String> = objects
        .iter()
        .filter_map(|object| object.schema.catalogue.author.as_deref())
        .map(escape::line)
        .filter(|author| !author.is_empty())
        .collect();
    authors.into_iter().collect()
}

/// The description, or the name where there is none.
fn description(schema: &Schema) -> String {
    let text = schema
        .catalogue
        .description
        .as_deref()
        .map(escape::line)
        .unwrap_or_default();
    if text.is_empty() {
        schema.full_name()
    } else {
        text
    }
}

/// Fields that `update` sets: a delta_stream changes only by what has a message.
fn settable(schema: &Schema) -> Vec<&Field> {
    schema
        .fields
        .iter()
        .filter(|field| is_settable(field))
        .collect()
}

fn is_settable(field: &Field) -> bool {
    field.kind != FieldType::DeltaStream
}

/// A table of the fields and their places, in Markdown.
fn layout_table(schema: &Schema) -> String {
    let layout = crate::Layout::of(schema);
    let mut text = String::from(
        "| field | type | bits | contexts | encoding | compression | default |\n\
         | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for (field, place) in schema.fields.iter().zip(&layout.fields) {
        let (first, last) = (&place.parts[0], &place.parts[place.parts.len() - 1]);
        let contexts = match place.parts.len() {
            1 => first.context.to_string(),
            _ => format!("{} to {}", first.context, last.context),
        };
        text += &format!(
            "| `{}` | {} | {} | {contexts} | {} | {} | {:#x} |\n",
            field.name,
            field.kind.name(),
            field.width,
            field.encoding.name(),
            field.compression.name(),
            field.default,
        );
    }
    text
}
