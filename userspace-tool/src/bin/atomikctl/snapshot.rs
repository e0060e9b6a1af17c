// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl snapshot`.

use std::io;
use std::path::{Path, PathBuf};

use atomik::snapshot::Snapshot;

use crate::Global;
use crate::failure::Failure;
use crate::output::say;

/// Write a table's contexts, as they are at one moment, into a file
///
/// No batch is in it half done. A file that is there already is replaced when the new one is
/// complete; only you can read it. The format is documented in docs/snapshot-format.md, and has a
/// checksum. `atomikctl restore` puts it back.
#[derive(clap::Args)]
pub struct Args {
    /// The file; `-` is standard output
    file: PathBuf,
}

impl Args {
    pub fn run(&self, global: &Global) -> Result<(), Failure> {
        let table = global.target.table()?;
        let snapshot = Snapshot::take(&table).map_err(|e| Failure::snapshot(&e))?;
        if self.file == Path::new("-") {
            return Ok(snapshot.write(io::stdout().lock())?);
        }
        (snapshot.write_file(&self.file)).map_err(|e| Failure::snapshot(&e))?;
        let contexts = snapshot.contexts().len();
        say(format_args!(
            "{contexts} contexts of table {} in {}",
            table.id(),
            self.file.display()
        ));
        Ok(())
    }
}
