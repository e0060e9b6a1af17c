// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Record`]: one line of the output of `atomikctl run`.

use std::io::{self, Write};

use serde::Serialize;

use crate::format::hex;

/// One line of output: a table that was made, or a state that was returned.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Record {
    /// The script's line; `read` has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    op: &'static str,
    table: u32,
    #[serde(flatten)]
    what: What,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum What {
    Table { contexts: u32 },
    State { addr: u32, value: u64, hex: String },
}

impl Record {
    /// The line `line` made `table`.
    pub fn table(line: usize, table: u32, contexts: u32) -> Self {
        Self {
            line: Some(line),
            op: "create",
            table,
            what: What::Table { contexts },
        }
    }

    /// The line `line`, a `read` or `swap`, returned `value`.
    pub fn state(line: usize, op: &'static str, table: u32, addr: u32, value: u64) -> Self {
        Self {
            line: Some(line),
            ..Self::unnumbered(op, table, addr, value)
        }
    }

    /// A `read` or `swap` returned `value`.
    pub fn unnumbered(op: &'static str, table: u32, addr: u32, value: u64) -> Self {
        let hex = hex(value);
        Self {
            line: None,
            op,
            table,
            what: What::State { addr, value, hex },
        }
    }

    /// Prints the record, as JSON or for people.
    pub fn print(&self, out: &mut impl Write, json: bool) -> io::Result<()> {
        if json {
            serde_json::to_writer(&mut *out, self)?;
            return writeln!(out);
        }
        match &self.what {
            What::Table { .. } => writeln!(out, "table {}", self.table),
            What::State { addr, hex, .. } => writeln!(out, "{} {addr} = {hex}", self.op),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(record: &Record, json: bool) -> String {
        let mut out = vec![];
        record.print(&mut out, json).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn states() {
        let record = Record::state(3, "read", 1, 0, 0xcafe_babf);
        assert_eq!(printed(&record, false), "read 0 = 0x00000000cafebabf\n");
        assert_eq!(
            printed(&record, true),
            "{\"line\":3,\"op\":\"read\",\"table\":1,\"addr\":0,\
             \"value\":3405691583,\"hex\":\"0x00000000cafebabf\"}\n"
        );
        let largest = printed(&Record::state(1, "swap", 1, 65535, u64::MAX), true);
        assert!(largest.contains("\"value\":18446744073709551615,\"hex\":\"0xffffffffffffffff\""));
    }

    #[test]
    fn tables() {
        let record = Record::table(1, 2, 64);
        assert_eq!(printed(&record, false), "table 2\n");
        assert_eq!(
            printed(&record, true),
            "{\"line\":1,\"op\":\"create\",\"table\":2,\"contexts\":64}\n"
        );
    }
}
