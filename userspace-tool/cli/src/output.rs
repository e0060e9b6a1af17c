// SPDX-License-Identifier: MIT OR Apache-2.0

//! Standard output, as text or as JSON.

use std::fmt::Display;
use std::io::{self, BufWriter, StdoutLock, Write};

use serde::Serialize;

use crate::failure::Failure;
use crate::printable::{json, pretty_json, printable};

/// Standard output, or a way of writing to it: whole records, buffered.
pub struct Output<W: Write = StdoutLock<'static>> {
    out: BufWriter<W>,
    json: bool,
}

impl Output {
    pub fn new(json: bool) -> Self {
        Self::to(io::stdout().lock(), json)
    }
}

impl<W: Write> Output<W> {
    pub fn to(out: W, json: bool) -> Self {
        Self {
            out: BufWriter::new(out),
            json,
        }
    }

    /// Prints a record: as one line of JSON, or the text and a line's end.
    pub fn record(&mut self, record: &impl Serialize, text: impl Display) -> Result<(), Failure> {
        if self.json {
            writeln!(self.out, "{}", json(record)?)?;
        }
        self.text(text)
    }

    /// Prints the whole output: as JSON in many lines, or `lines`.
    pub fn whole(
        &mut self,
        whole: &impl Serialize,
        lines: impl IntoIterator<Item: Display>,
    ) -> Result<(), Failure> {
        if self.json {
            writeln!(self.out, "{}", pretty_json(whole)?)?;
        }
        lines.into_iter().try_for_each(|line| self.text(line))
    }

    /// Prints a line of text, which is left out of JSON.
    pub fn text(&mut self, text: impl Display) -> Result<(), Failure> {
        if !self.json {
            writeln!(self.out, "{}", printable(&text.to_string()))?;
        }
        Ok(())
    }

    /// Prints a text of lines that are printable already, perhaps in colors. JSON leaves it out.
    pub fn styled(&mut self, text: impl Display) -> Result<(), Failure> {
        if !self.json {
            writeln!(self.out, "{text}")?;
        }
        Ok(())
    }

    /// Flushes the output.
    pub fn flush(&mut self) -> Result<(), Failure> {
        Ok(self.out.flush()?)
    }
}

/// `1 batch`, `2 batches`.
pub fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}
