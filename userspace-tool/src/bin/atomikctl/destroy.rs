// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl destroy`.

use crate::Global;
use crate::failure::Failure;
use crate::script::number::parse_u32;

/// Destroy tables
///
/// They are gone for all who share the open file.
#[derive(clap::Args)]
pub struct Args {
    /// The tables' ids; without one, the table of -t, or the only one
    #[arg(value_name = "ID", value_parser = id)]
    ids: Vec<u32>,
}

fn id(word: &str) -> Result<u32, String> {
    parse_u32(word).map_err(|error| error.to_string())
}

impl Args {
    pub fn run(&self, global: &Global) -> Result<(), Failure> {
        let device = global.target.file()?;
        if self.ids.is_empty() {
            let table = global.target.table_of(&device)?;
            return table.destroy().map_err(|e| Failure::of(&e));
        }
        for &id in &self.ids {
            device
                .table(id)
                .and_then(atomik::TableRef::destroy)
                .map_err(|e| Failure::of(&e))?;
        }
        Ok(())
    }
}
