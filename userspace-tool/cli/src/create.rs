// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl create`.

use serde::Serialize;

use crate::failure::Failure;
use crate::global::Global;
use crate::output::Output;
use crate::script::number::parse_u32;
use crate::target::OpenFile;

/// Make a table
///
/// Each context has reference 0 and accumulator 0. Prints the table's id, for -t, which is not
/// needed while it is the only table.
///
/// Its id is above 256 where a table has been destroyed before: the next one in the place of table
/// 1 is 257, then 513. So a program that still uses the old id meets no other table.
#[derive(clap::Args)]
pub struct Args {
    /// The number of contexts, 1 to 65536
    #[arg(value_name = "N", value_parser = parse_u32)]
    contexts: u32,
    #[command(flatten)]
    target: OpenFile,
}

/// A table, in JSON.
#[derive(Serialize)]
pub struct Created {
    pub table: u32,
    pub contexts: u32,
}

impl Args {
    pub fn run(&self, global: &Global) -> Result<(), Failure> {
        let device = self.target.open()?;
        let table = device
            .create_table(self.contexts)
            .map_err(|e| Failure::of(&e))?
            .into_id();
        let contexts = self.contexts;
        let mut out = Output::new(global.json);
        out.record(&Created { table, contexts }, format_args!("table {table}"))?;
        out.flush()
    }
}
