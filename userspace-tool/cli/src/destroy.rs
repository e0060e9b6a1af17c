// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl destroy`.

use std::collections::BTreeSet;

use atomik::TableRef;

use crate::failure::Failure;
use crate::script::number::parse_u32;
use crate::target::OpenTable;

/// Destroy tables
///
/// They are gone for all processes that share the open file.
#[derive(clap::Args)]
pub struct Args {
    /// The tables' ids; without one, the table of -t, or the only one
    #[arg(value_name = "ID", value_parser = parse_u32, conflicts_with = "table")]
    ids: Vec<u32>,
    #[command(flatten)]
    target: OpenTable,
}

impl Args {
    pub fn run(&self) -> Result<(), Failure> {
        let device = self.target.file.open()?;
        if self.ids.is_empty() {
            let table = self.target.open_in(&device)?;
            return table.destroy().map_err(|e| Failure::of(&e));
        }
        // Find a wrong id before any table is destroyed.
        let ids = BTreeSet::from_iter(&self.ids);
        let tables: atomik::Result<Vec<_>> = ids.into_iter().map(|&id| device.table(id)).collect();
        (tables.and_then(|tables| tables.into_iter().try_for_each(TableRef::destroy)))
            .map_err(|e| Failure::of(&e))
    }
}
