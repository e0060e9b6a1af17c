// SPDX-License-Identifier: MIT OR Apache-2.0

//! Standard output, as text or as JSON.

use std::fmt::Display;
use std::io::{self, BufWriter, StdoutLock, Write};

use serde::Serialize;

use crate::failure::Failure;

/// Standard output: whole records, buffered.
pub struct Output {
    out: BufWriter<StdoutLock<'static>>,
    json: bool,
}

impl Output {
    pub fn new(json: bool) -> Self {
        Self {
            out: BufWriter::new(io::stdout().lock()),
            json,
        }
    }

    /// Prints a record: as one line of JSON, or the text and a line's end.
    pub fn record(&mut self, record: &impl Serialize, text: impl Display) -> Result<(), Failure> {
        if self.json {
            serde_json::to_writer(&mut self.out, record).map_err(io::Error::from)?;
            writeln!(self.out)?;
        } else {
            writeln!(self.out, "{text}")?;
        }
        Ok(())
    }

    /// Prints a line that JSON has no use for.
    pub fn text(&mut self, text: impl Display) -> Result<(), Failure> {
        if !self.json {
            writeln!(self.out, "{text}")?;
        }
        Ok(())
    }

    /// Hands over what was printed so far.
    pub fn flush(&mut self) -> Result<(), Failure> {
        Ok(self.out.flush()?)
    }
}

/// Says something on standard error; where that's closed, there is nobody to tell.
pub fn say(text: impl Display) {
    let _ = writeln!(io::stderr(), "atomikctl: {text}");
}

/// `1 batch`, `2 batches`.
pub fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}
