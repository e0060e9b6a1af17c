// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names in the five languages.

use crate::schema::{Field, FieldType, Schema};

/// The words of a name, in small letters with `_` between: before a capital that follows a small
/// letter, and before one that follows anything and is followed by a small letter.
pub fn snake(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (at, letter) in letters.iter().enumerate() {
        if letter.is_ascii_uppercase() && at > 0 {
            let after_small = letters[at - 1].is_ascii_lowercase();
            let before_small = letters.get(at + 1).is_some_and(char::is_ascii_lowercase);
            if after_small || before_small {
                out.push('_');
            }
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

/// `load_some_field` as JavaScript has it: `loadSomeField`.
pub fn camel(name: &str) -> String {
    let mut out = String::new();
    for word in name.split('_').filter(|word| !word.is_empty()) {
        if out.is_empty() {
            out.push_str(word);
        } else {
            out.push_str(&word[..1].to_ascii_uppercase());
            out.push_str(&word[1..]);
        }
    }
    out
}

/// Where an object is found in each language.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Places {
    /// Module, such as `atomik.Video.Stream`.
    pub python: String,
    /// Path in the crate, such as `video::stream::H264Delta`.
    pub rust: String,
    /// Path of the header, such as `atomik/video/stream/h264_delta.h`.
    pub c_header: String,
    /// Prefix of the functions, and the type without `_t`, such as `atomik_h264_delta`.
    pub c_prefix: String,
    /// Path of the module, such as `@atomik/video/stream`.
    pub javascript: String,
    /// Name of the module, such as `atomik_video_stream_h264_delta`.
    pub verilog: String,
}

impl Places {
    pub fn of(vertical: &str, group: &str, object: &str) -> Places {
        let [v, g, o] = [vertical, group, object].map(snake);
        Places {
            python: format!("atomik.{vertical}.{group}"),
            rust: format!("{v}::{g}::{object}"),
            c_header: format!("atomik/{v}/{g}/{o}.h"),
            c_prefix: format!("atomik_{o}"),
            javascript: format!("@atomik/{v}/{g}"),
            verilog: format!("atomik_{v}_{g}_{o}"),
        }
    }
}

/// Names of the operations of a field, as in Python and Rust.
pub fn field_operations(schema: &Schema, field: &Field) -> Vec<String> {
    let readable = schema.operations.reconstruct.is_some();
    operation_names(&field.name, field.kind, field.has_cells(), readable)
}

pub(crate) fn operation_names(
    name: &str,
    kind: FieldType,
    cells: bool,
    readable: bool,
) -> Vec<String> {
    let mut names = vec![
        format!("load_{name}"),
        format!("accum_{name}"),
        format!("swap_{name}"),
    ];
    if readable {
        names.push(format!("read_{name}"));
    }
    match kind {
        FieldType::DeltaStream => names.push(format!("apply_{name}")),
        FieldType::BitmaskDelta => {
            names.extend(["set", "clear", "toggle"].map(|verb| format!("{verb}_{name}_bit")));
            if readable {
                names.push(format!("test_{name}_bit"));
            }
        }
        FieldType::ParameterDelta => names.push(format!("set_{name}")),
    }
    if cells {
        names.push(format!("accum_{name}_cell"));
        if readable {
            names.push(format!("read_{name}_cell"));
        }
    }
    names
}

/// The last parts of the names of C that an object always has.
const C_ALWAYS: &[&str] = &[
    "t", "fields_", "object_", "init", "reset", "attach", "contexts",
];
/// Those of one with fields that are no delta_streams.
const C_UPDATE: &[&str] = &[
    "update_t",
    "expected_t",
    "update_",
    "expected_",
    "update",
    "compare_update",
];
const C_MACROS: &[&str] = &["VERSION", "CONTEXTS", "HISTORY_DEPTH"];

/// All names that the header of an object defines in C, but for the guard.
pub(crate) fn c_names(
    prefix: &str,
    operations: impl IntoIterator<Item = String>,
    settable: bool,
    rollback: bool,
) -> Vec<String> {
    let of = |name: &str| format!("{prefix}_{name}");
    let mut names: Vec<_> = C_ALWAYS.iter().map(|name| of(name)).collect();
    if settable {
        names.extend(C_UPDATE.iter().map(|name| of(name)));
    }
    if rollback {
        names.push(of("rollback"));
    }
    names.extend(operations.into_iter().map(|name| of(&name)));
    let upper = prefix.to_ascii_uppercase();
    names.extend(C_MACROS.iter().map(|name| format!("{upper}_{name}")));
    names
}
