// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl restore`.

use std::io;
use std::path::{Path, PathBuf};

use atomik::Error;
use atomik::snapshot::{Snapshot, SnapshotError};

use crate::create::Created;
use crate::failure::Failure;
use crate::global::Global;
use crate::output::Output;
use crate::target::{OpenTable, no_table};

/// Put a snapshot back into a table
///
/// All contexts change at one moment, or none. The table must have as many contexts as the
/// snapshot. A damaged file, or one that isn't a snapshot, is refused before anything has changed.
#[derive(clap::Args)]
pub struct Args {
    /// The file; `-` is standard input
    file: PathBuf,
    /// Make a new table for it
    #[arg(long, conflicts_with = "table")]
    create: bool,
    #[command(flatten)]
    target: OpenTable,
}

impl Args {
    pub fn run(&self, global: &Global) -> Result<(), Failure> {
        let snapshot = snapshot_in(&self.file)?;
        // It fits: there are at most 65536.
        let contexts = snapshot.contexts().len() as u32;
        let table = if self.create {
            let device = self.target.file.open()?;
            let table = device.create_table(contexts).map_err(|e| Failure::of(&e))?;
            // Dropping the table on failure destroys it.
            snapshot
                .restore(&table)
                .map_err(|e| Failure::snapshot(&e))?;
            table.into_id()
        } else {
            let create = "`restore --create` makes a new table for it";
            let device = self.target.file.open()?;
            let table = (self.target.find(&device)).map_err(|error| match error {
                Error::NoTable => no_table(&error).with_hint(create),
                _ => no_table(&error),
            })?;
            snapshot.restore(&table).map_err(|error| match error {
                SnapshotError::Size { .. } => Failure::snapshot(&error).with_hint(create),
                _ => Failure::snapshot(&error),
            })?;
            table.id()
        };
        let mut out = Output::new(global.json);
        out.record(&Created { table, contexts }, format_args!("table {table}"))?;
        out.flush()
    }
}

/// The snapshot in a file; `-` is standard input.
pub fn snapshot_in(file: &Path) -> Result<Snapshot, Failure> {
    if file == Path::new("-") {
        Snapshot::read(io::stdin().lock())
    } else {
        Snapshot::read_file(file)
    }
    .map_err(|e| Failure::snapshot(&e).named(file))
}
