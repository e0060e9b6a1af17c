// SPDX-License-Identifier: MIT OR Apache-2.0

//! Streams of operations, one a line: as text, JSON Lines or CSV.

use std::path::Path;

use clap::ValueEnum;

use crate::script::{self, Op};

mod csv;
mod json;
mod value;

pub use csv::HEADING;
use csv::csv;
use json::json;

/// The format of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Lines of a script: `load 0 0xff`
    Text,
    /// JSON Lines: {"op":"load","addr":0,"value":255}; values may be strings, such as "0xff"
    Json,
    /// Comma-separated: `load,0,0xff`; a heading `op,addr,value` is skipped
    Csv,
}

impl Kind {
    /// The format of a file by its name: `.json`, `.jsonl`, `.ndjson` and `.csv`; others are text.
    pub fn of(path: &Path) -> Self {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("json" | "jsonl" | "ndjson") => Self::Json,
            Some("csv") => Self::Csv,
            _ => Self::Text,
        }
    }
}

/// A parser of streams, line by line.
pub struct Operations {
    kind: Kind,
    /// True where a heading may still come.
    heading: bool,
}

impl Operations {
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            heading: true,
        }
    }

    /// Parses a line. None where it has no operation.
    pub fn parse(&mut self, line: &str) -> Result<Option<Op>, String> {
        match self.kind {
            Kind::Text => script::operation(line),
            Kind::Json => json(line),
            Kind::Csv => csv(line, &mut self.heading),
        }
    }
}
