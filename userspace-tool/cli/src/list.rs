// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl list`.

use crate::create::Created;
use crate::failure::Failure;
use crate::global::Global;
use crate::output::Output;
use crate::target::OpenFile;

/// List the tables of the open file
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: OpenFile,
}

impl Args {
    pub fn run(&self, global: &Global) -> Result<(), Failure> {
        let usage = (self.target.open()?.usage()).map_err(|e| Failure::of(&e))?;
        let mut out = Output::new(global.json);
        if !usage.tables.is_empty() {
            out.text("table  contexts")?;
        }
        for found in &usage.tables {
            let (table, contexts) = (found.id, found.contexts);
            let text = format!("{table:<5}  {contexts}");
            out.record(&Created { table, contexts }, text)?;
        }
        out.flush()
    }
}
