// SPDX-License-Identifier: MIT OR Apache-2.0

//! Streams of operations, one a line: as text, JSON Lines or CSV.

use std::path::Path;

use clap::ValueEnum;

use crate::script::Op;

mod csv;
mod json;
mod text;
mod value;

pub use csv::{CsvWriter, csv};
pub use json::json;
pub use text::text;

/// How a stream is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// As in a script: `load 0 0xff`
    Text,
    /// JSON Lines: {"op":"load","addr":0,"value":255}; values may be strings, such as "0xff"
    Json,
    /// Comma-separated: `load,0,0xff`; a first line `op,addr,value` is skipped
    Csv,
}

impl Kind {
    /// What a file of this name has: `.json`, `.jsonl` and `.csv` say it, others are text.
    pub fn of(path: &Path) -> Self {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("json" | "jsonl" | "ndjson") => Self::Json,
            Some("csv") => Self::Csv,
            _ => Self::Text,
        }
    }

    /// Understands a line. None where there is nothing in it.
    pub fn parse(self, line: &str, number: usize) -> Result<Option<Op>, String> {
        match self {
            Self::Text => text(line),
            Self::Json => json(line),
            Self::Csv => csv(line, number == 1),
        }
    }
}
