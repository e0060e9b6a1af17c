// SPDX-License-Identifier: MIT OR Apache-2.0

use std::fmt::Display;
use std::io::{self, Write};

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
            true => object.to_string(),
            false => text.to_string(),
        };
        let mut out = io::stdout().lock();
        writeln!(out, "{line}")
            .and_then(|()| out.flush())
            .map_err(|error| Failure::new(format!("can't print: {error}")))
    }

    /// Prints a note on standard error. A failure to do so is ignored: nobody could be told.
    pub fn say(&self, text: impl Display) {
        let line = match self.json {
            true => json!({ "note": text.to_string() }).to_string(),
            false => format!("atomik-replicate: {text}"),
        };
        let _ = writeln!(io::stderr(), "{line}");
    }
}
