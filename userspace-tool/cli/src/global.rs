// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Global`]: options of every subcommand.

use std::fmt::Display;
use std::io::{self, Write};

use crate::printable::{json, printable};

/// Options of every subcommand.
#[derive(clap::Args)]
pub struct Global {
    /// Print JSON: one object, or one a line where there may be several
    ///
    /// A value of 64 bits is a number, which many programs round above 2^53, and exact as a string
    /// in hexadecimal: `value` as `hex`, `reference` as `reference_hex`, and so on.
    ///
    /// Standard error gets JSON as well, one object a line: an error has `error`, `status` and
    /// perhaps `hint`, a condition that doesn't hold also `addr`, `expected` and `found`; a note
    /// has `note`.
    #[arg(long, global = true, overrides_with = "json")]
    pub json: bool,
}

impl Global {
    /// Prints a note on standard error. A failure to do so is ignored: nobody could be told.
    pub fn say(&self, text: impl Display) {
        let line = if self.json {
            json(&serde_json::json!({ "note": text.to_string() })).unwrap_or_default()
        } else {
            format!("atomikctl: {}", printable(&text.to_string()))
        };
        let _ = writeln!(io::stderr(), "{line}");
    }
}
