// SPDX-License-Identifier: MIT OR Apache-2.0

use std::fmt::Display;
use std::io::{self, Write};

use atomik_command_line::printable;
use serde_json::{Value, json};

use crate::failure::Failure;

/// Options of every subcommand.
#[derive(clap::Args)]
pub struct Global {
    /// Print JSON: one object, or one a line where there may be several
    ///
    /// Standard error gets JSON as well, one object a line: an error has `error`, `status` and
    /// perhaps `hint`; a note has `note`.
    #[arg(long, global = true)]
    pub json: bool,
}

impl Global {
    /// Prints a result: this text, or this object.
    pub fn print(&self, text: impl Display, object: Value) -> Result<(), Failure> {
        let line = match self.json {
            true => json(&object),
            false => printable_lines(&text),
        };
        write(format!("{line}\n").as_bytes())
    }

    /// Prints a note on standard error. A failure to do so is ignored: nobody could be told.
    pub fn say(&self, text: impl Display) {
        let line = match self.json {
            true => json(&json!({ "note": text.to_string() })),
            false => printable_lines(format_args!("atomik-replicate: {text}")),
        };
        let _ = writeln!(io::stderr(), "{line}");
    }
}

/// Writes to standard output.
pub fn write(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)
        .and_then(|()| out.flush())
        .map_err(|error| Failure::new(format!("can't print: {error}")))
}

/// An object in one line. Other programs choose names in it, but none that a terminal obeys.
pub fn json(object: &Value) -> String {
    // A value can always be written.
    printable::json(object).unwrap_or_default()
}

/// Lines of text, the same way.
pub fn printable_lines(text: impl Display) -> String {
    let text = text.to_string();
    let lines: Vec<_> = text.lines().map(printable::printable).collect();
    lines.join("\n")
}
