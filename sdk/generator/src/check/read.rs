// SPDX-License-Identifier: MIT OR Apache-2.0
//! The schema of a tree that is right.

use num_bigint::BigUint;

use super::cross::kind;
use super::walk::{Branch, Tree};
use crate::format::CELLS;
use crate::schema::{
    Catalogue, Compression, Constraints, Encoding, Field, Goal, Hardware, Operations, Schema,
};

/// None only for a tree that is not right.
pub(super) fn schema(tree: &Tree) -> Option<Schema> {
    let text = |path: &[&str]| tree.text(path).map(str::to_string);
    let number = |key: &str| tree.number(&["schema", "constraints", key]);
    let operation = |name: &str, key: &str| tree.get(&["schema", "operations", name, key]);
    let enabled = |name: &str| operation(name, "enabled").and_then(|tree| tree.bool(&[]));
    let latency = |name: &str| {
        operation(name, "latency_cycles")
            .and_then(|tree| tree.small(&[]))
            .unwrap_or(1)
    };
    let rtl = |key: &str| tree.get(&["hardware", "rtl_params", key]);
    let fields = tree.get(&["schema", "delta_fields"])?.branches();
    Some(Schema {
        catalogue: Catalogue {
            vertical: text(&["catalogue", "vertical"])?,
            group: text(&["catalogue", "field"])?,
            object: text(&["catalogue", "object"])?,
            version: semver::Version::parse(tree.text(&["catalogue", "version"])?).ok()?,
            author: text(&["catalogue", "author"]),
            license: text(&["catalogue", "license"]),
            description: text(&["catalogue", "description"]),
        },
        fields: fields.iter().map(field).collect::<Option<_>>()?,
        operations: Operations {
            accumulate: latency("accumulate"),
            reconstruct: enabled("reconstruct")
                .unwrap_or(true)
                .then(|| latency("reconstruct")),
            rollback: match enabled("rollback") {
                Some(true) => Some(operation("rollback", "history_depth")?.small(&[])?),
                _ => None,
            },
        },
        constraints: Constraints {
            max_memory_mb: number("max_memory_mb"),
            max_power_mw: number("max_power_mw"),
            update_latency_ms: number("update_latency_ms"),
            target_frequency_mhz: number("target_frequency_mhz").unwrap_or(94.5),
        },
        hardware: Hardware {
            target_device: text(&["hardware", "target_device"]),
            data_width: rtl("DATA_WIDTH").and_then(|tree| tree.small(&[])),
            enable_parallel: rtl("ENABLE_PARALLEL")
                .and_then(|t| t.bool(&[]))
                .unwrap_or(false),
            clock_domain: text(&["hardware", "rtl_params", "CLOCK_DOMAIN"]),
            goal: match tree.text(&["hardware", "synthesis_options", "optimization_goal"]) {
                Some("area") => Goal::Area,
                Some("power") => Goal::Power,
                _ => Goal::Speed,
            },
            timing_constraints: text(&["hardware", "synthesis_options", "timing_constraints"]),
        },
    })
}

fn field(branch: &Branch) -> Option<Field> {
    let tree = &branch.tree;
    Some(Field {
        name: branch.key.clone(),
        kind: kind(tree)?,
        width: tree.small(&["width"])?,
        encoding: match tree.text(&["encoding"]) {
            Some(CELLS) => Encoding::Cells,
            Some("rle") => Encoding::Rle,
            _ => Encoding::Raw,
        },
        compression: match tree.text(&["compression"]) {
            Some("xor") => Compression::Xor,
            Some("rle") => Compression::Rle,
            _ => Compression::None,
        },
        default: tree
            .whole(&["default_value"])
            .cloned()
            .unwrap_or(BigUint::ZERO),
    })
}
