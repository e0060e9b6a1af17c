// SPDX-License-Identifier: MIT OR Apache-2.0
//! The package's README.

use super::design::{Design, Operation};
use super::rtl::{self, ports_of};
use crate::escape;
use crate::generate::Object;
use crate::languages::{description, layout_table};
use crate::schema::{FieldType, Goal};

pub(super) fn readme(objects: &[Object<'_>]) -> String {
    let mut text = include_str!("README.md").to_string();
    for object in objects {
        text += &section(object);
    }
    text
}

fn section(object: &Object<'_>) -> String {
    let schema = object.schema;
    let design = Design::of(schema);
    let (_, clock) = rtl::module(&design);
    let mut text = format!(
        "\n## {}\n\n{}\n\n`rtl/{}.v`\n\n",
        schema.catalogue.object,
        escape::markdown(&description(schema)),
        design.name
    );
    text += "| port | | bits |\n| --- | --- | --- |\n";
    text += &format!("| `{clock}` | in | 1 |\n| `rst` | in | 1 |\n");
    ports_of(&design, &mut |direction, width, name| {
        let direction = if direction.starts_with("input") {
            "in"
        } else {
            "out"
        };
        text += &format!("| `{name}` | {direction} | {width} |\n");
    });
    text += "\n| bit of `cmd_mask` | field | in `contexts` |\n| --- | --- | --- |\n";
    let mut low = 0;
    for (at, field) in schema.fields.iter().enumerate() {
        let high = low + field.width - 1;
        text += &format!("| {at} | `{}` | {low} to {high} |\n", field.name);
        low += 64 * field.contexts();
    }
    text += "\n";
    text += &layout_table(schema);
    text += "\n| `cmd_op` | |\n| --- | --- |\n";
    for operation in design.operations() {
        text += &format!("| {} | {} |\n", operation as u8, operation.name());
    }
    text += &format!(
        "\n- Latency: {} of what accumulates, LOAD and SWAP",
        cycles(design.latency(Operation::Accum))
    );
    if design.is_readable() {
        text += &format!(
            "; {} of what reads",
            cycles(design.latency(Operation::Read))
        );
    }
    text += ".\n";
    text += match (design.count(), design.parallel) {
        (1, _) => "- One field, one datapath.\n",
        (_, true) => "- A datapath for each field (ENABLE_PARALLEL).\n",
        (_, false) => "- One datapath that the fields share.\n",
    };
    text += match schema.hardware.goal {
        Goal::Area => "- Area: operands are not kept in registers.\n",
        Goal::Speed => "- Speed: operands are kept in registers.\n",
        Goal::Power => "- Power: operands are kept in registers, and isolated.\n",
    };
    if let Some(depth) = schema.operations.rollback {
        text += &format!("- The history remembers {depth} accums.\n");
    }
    if schema
        .fields
        .iter()
        .any(|field| field.kind == FieldType::DeltaStream)
    {
        text += "- delta_streams have no messages here: accumulate the delta.\n";
    }
    text
}

fn cycles(count: u32) -> String {
    match count {
        1 => "1 cycle".into(),
        _ => format!("{count} cycles"),
    }
}
