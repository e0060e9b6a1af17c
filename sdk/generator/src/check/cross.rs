// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rules of several keys of one schema.

use std::collections::HashMap;
use std::ops::Range;

use num_bigint::BigUint;

use super::walk::{Branch, Tree};
use crate::format::{CELL_WIDTHS, CELLS};
use crate::names::{camel, operation_names};
use crate::problem::{Path, Problem};
use crate::schema::FieldType;
use crate::source::Source;

/// The most contexts of a table.
const MAX_CONTEXTS: u64 = 65536;
const FIELDS: [&str; 2] = ["schema", "delta_fields"];

pub(super) fn check(source: &Source, tree: &Tree, problems: &mut Vec<Problem>) {
    let mut check = Cross {
        source,
        tree,
        problems,
    };
    for field in check.fields() {
        check.default(field);
        check.cells(field);
        check.data_width(field);
    }
    check.collisions();
    check.history();
    check.memory();
}

struct Cross<'a> {
    source: &'a Source,
    tree: &'a Tree,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Cross<'a> {
    fn fields(&self) -> &'a [Branch] {
        self.tree.get(&FIELDS).map_or(&[], Tree::branches)
    }

    fn refuse(&mut self, span: &Range<usize>, path: &[&str], message: String, allowed: &str) {
        let problem = Problem::new(self.source, span.clone(), &Path::of(path), message);
        self.problems.push(match allowed {
            "" => problem,
            _ => problem.allowed(allowed),
        });
    }

    fn default(&mut self, field: &Branch) {
        let Some(width) = field.tree.small(&["width"]) else {
            return;
        };
        let Some(at) = field.tree.get(&["default_value"]) else {
            return;
        };
        if at
            .whole(&[])
            .is_some_and(|value| value.bits() > u64::from(width))
        {
            let most = (BigUint::from(1u8) << width) - 1u8;
            let path = [FIELDS[0], FIELDS[1], &field.key, "default_value"];
            let message = format!("the value is too large for {width} bits");
            self.refuse(&at.span, &path, message, &format!("0 to {most}"));
        }
    }

    fn cells(&mut self, field: &Branch) {
        let Some(width) = field.tree.small(&["width"]) else {
            return;
        };
        if field.tree.text(&["encoding"]) == Some(CELLS) && !CELL_WIDTHS.contains(&width) {
            let at = &field.tree.get(&["width"]).unwrap_or(&field.tree).span;
            let path = [FIELDS[0], FIELDS[1], &field.key, "width"];
            let message = format!("{width} bits can't have 64 cells of equal size");
            self.refuse(at, &path, message, "64, 128, 256 with this encoding");
        }
    }

    fn data_width(&mut self, field: &Branch) {
        let all = self.tree.small(&["hardware", "rtl_params", "DATA_WIDTH"]);
        let (Some(all), Some(width)) = (all, field.tree.small(&["width"])) else {
            return;
        };
        if width != all {
            let at = &field.tree.get(&["width"]).unwrap_or(&field.tree).span;
            let path = [FIELDS[0], FIELDS[1], &field.key, "width"];
            let message =
                format!("the field has {width} bits, hardware.rtl_params.DATA_WIDTH says {all}");
            self.refuse(
                at,
                &path,
                message,
                "that width for all fields, or no DATA_WIDTH",
            );
        }
    }

    /// Names of operations that two fields would have, in Python or in JavaScript.
    fn collisions(&mut self) {
        let readable = is_readable(self.tree);
        let mut owners: HashMap<String, &str> = HashMap::new();
        for field in self.fields() {
            let names = operations(field, readable);
            // The name itself is a parameter of `update`.
            let plain = [
                format!("update {}", field.key),
                format!("update {}", camel(&field.key)),
            ];
            let mut names: Vec<_> = names
                .into_iter()
                .flat_map(|name| [camel(&name), name])
                .chain(plain)
                .collect();
            names.dedup();
            let taken = names
                .iter()
                .find_map(|name| Some((name.clone(), *owners.get(name)?)))
                // The same key twice is told of already.
                .filter(|(_, other)| *other != field.key);
            if let Some((name, other)) = taken {
                let name = name.trim_start_matches("update ");
                let path = [FIELDS[0], FIELDS[1], &field.key];
                let message = format!("`{name}` would belong to the field `{other}`, too");
                self.refuse(&field.key_span, &path, message, "another name");
            }
            for name in names {
                owners.entry(name).or_insert(&field.key);
            }
        }
    }

    fn history(&mut self) {
        let path = ["schema", "operations", "rollback"];
        let Some(rollback) = self.tree.get(&path) else {
            return;
        };
        let depth = rollback.get(&["history_depth"]);
        let wrong = self
            .problems
            .iter()
            .any(|p| p.path.ends_with("rollback.history_depth"));
        if rollback.bool(&["enabled"]) == Some(true) && depth.is_none() && !wrong {
            let at = rollback.span.start..rollback.span.start + 1;
            let path = [path[0], path[1], path[2], "history_depth"];
            let message = "this key is required where rollback is enabled".to_string();
            self.refuse(&at, &path, message, "a whole number from 1 to 65536");
        }
    }

    fn memory(&mut self) {
        let words = self
            .fields()
            .iter()
            .map(|field| field.tree.small(&["width"]));
        let Some(widths) = words.collect::<Option<Vec<_>>>() else {
            return;
        };
        let contexts: u64 = widths
            .iter()
            .map(|width| u64::from(width.div_ceil(64)))
            .sum();
        if contexts > MAX_CONTEXTS {
            let at = self
                .tree
                .get(&FIELDS)
                .map_or(0..1, |tree| tree.span.start..tree.span.start + 1);
            let message = format!("the fields need {contexts} contexts");
            self.refuse(&at, &FIELDS, message, "at most 65536, the most of a table");
        }
        let path = ["schema", "constraints", "max_memory_mb"];
        let (Some(most), Some(at)) = (self.tree.number(&path), self.tree.get(&path)) else {
            return;
        };
        let bytes = memory(&widths, depth(self.tree));
        if bytes as f64 > most * f64::from(1 << 20) {
            let message = format!("an object and its history need {bytes} bytes");
            let needed = bytes.div_ceil(1 << 20);
            self.refuse(
                &at.span,
                &path,
                message,
                &format!("{needed} or more, or less history"),
            );
        }
    }
}

/// Bytes of an object and its history: two words of 64 bits for each context, and for each accum
/// that is remembered a delta of the widest field and the field's number.
pub(crate) fn memory(widths: &[u32], depth: u32) -> u64 {
    let contexts = |width: u32| u64::from(width.div_ceil(64));
    let object: u64 = widths.iter().map(|&width| 16 * contexts(width)).sum();
    let widest = widths
        .iter()
        .map(|&width| contexts(width))
        .max()
        .unwrap_or(0);
    object + u64::from(depth) * (8 * widest + 8)
}

fn depth(tree: &Tree) -> u32 {
    let rollback = ["schema", "operations", "rollback"];
    match tree.bool(&[&rollback[..], &["enabled"]].concat()) {
        Some(true) => tree
            .small(&[&rollback[..], &["history_depth"]].concat())
            .unwrap_or(0),
        _ => 0,
    }
}

/// The schema has operations that read.
pub(super) fn is_readable(tree: &Tree) -> bool {
    let path = ["schema", "operations", "reconstruct", "enabled"];
    tree.bool(&path).unwrap_or(true)
}

/// Names of the operations of a field, if its type is known.
pub(super) fn operations(field: &Branch, readable: bool) -> Vec<String> {
    let cells = field.tree.text(&["encoding"]) == Some(CELLS);
    kind(&field.tree).map_or(Vec::new(), |kind| {
        operation_names(&field.key, kind, cells, readable)
    })
}

pub(super) fn kind(field: &Tree) -> Option<FieldType> {
    Some(match field.text(&["type"])? {
        "delta_stream" => FieldType::DeltaStream,
        "bitmask_delta" => FieldType::BitmaskDelta,
        _ => FieldType::ParameterDelta,
    })
}
