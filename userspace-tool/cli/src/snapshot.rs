// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl snapshot`.

use std::io;
use std::path::{Path, PathBuf};

use atomik::snapshot::Snapshot;

use serde::Serialize;

use crate::failure::Failure;
use crate::global::Global;
use crate::output::Output;
use crate::target::OpenTable;

/// Write a table's contexts, as they are at one moment, into a file
///
/// No batch is in it half done. An existing file is replaced when the new one is complete, and
/// keeps its owner and mode; a new one only you can read. Links are followed; a device or a pipe is
/// written to. docs/snapshot-format.md documents the format, which has a checksum. `atomikctl
/// restore` puts the contexts back.
#[derive(clap::Args)]
pub struct Args {
    /// The file; `-` is standard output
    file: PathBuf,
    #[command(flatten)]
    target: OpenTable,
}

/// The written file, in JSON.
#[derive(Serialize)]
struct Written {
    table: u32,
    contexts: usize,
    file: String,
}

impl Args {
    pub fn run(&self, global: &Global) -> Result<(), Failure> {
        let table = self.target.open()?;
        let snapshot = Snapshot::take(&table).map_err(|e| Failure::snapshot(&e))?;
        if self.file == Path::new("-") {
            return Ok(snapshot.write(io::stdout().lock())?);
        }
        (snapshot.write_file(&self.file)).map_err(|e| Failure::snapshot(&e))?;
        let contexts = snapshot.contexts().len();
        if global.json {
            let written = Written {
                table: table.id(),
                contexts,
                file: self.file.display().to_string(),
            };
            let mut out = Output::new(true);
            out.record(&written, "")?;
            return out.flush();
        }
        global.say(format_args!(
            "{contexts} contexts of table {} in {}",
            table.id(),
            self.file.display()
        ));
        Ok(())
    }
}
