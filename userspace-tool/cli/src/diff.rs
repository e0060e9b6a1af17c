// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl diff`.

use std::path::{Path, PathBuf};

use atomik::Context;
use atomik::snapshot::Snapshot;
use serde::Serialize;

use crate::failure::Failure;
use crate::format::{Format, hex};
use crate::global::Global;
use crate::output::Output;
use crate::restore::snapshot_in;
use crate::target::OpenTable;

/// Compare two snapshots, or a snapshot and a table
///
/// Prints the address of each context whose states differ, the state in the first and the state in
/// the second. As of diff(1), the exit status is 0 where there is no difference, 1 where there is,
/// and 2 in trouble: both must have equally many contexts.
#[derive(clap::Args)]
pub struct Args {
    /// A snapshot's file; `-` is standard input
    old: PathBuf,
    /// The file to compare it with; without it, the table
    new: Option<PathBuf>,
    /// Compare references and accumulators too, where the states are the same
    #[arg(long)]
    references: bool,
    /// The format of states
    #[arg(short, long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    target: OpenTable,
}

/// A difference, in JSON.
#[derive(Serialize)]
struct Row {
    addr: u32,
    before: String,
    value: u64,
    hex: String,
    delta: u64,
    delta_hex: String,
}

impl Args {
    pub fn run(&self, global: &Global) -> Result<(), Failure> {
        if self.old == Path::new("-") && self.new.as_ref() == Some(&self.old) {
            let message = "only one of the two can be standard input";
            return Err(Failure::usage(message));
        }
        let old = snapshot_in(&self.old)?;
        let new = match &self.new {
            Some(file) => {
                self.target
                    .refuse_without("`diff` of one snapshot and a table")?;
                snapshot_in(file)?
            }
            None => Snapshot::take(&self.target.open()?).map_err(|e| Failure::snapshot(&e))?,
        };
        let (old, new) = (old.contexts(), new.contexts());
        if old.len() != new.len() {
            return Err(Failure::plain(&format!(
                "the first has {} contexts, and the second {}",
                old.len(),
                new.len()
            )));
        }
        let mut out = Output::new(global.json);
        let mut same = true;
        for (addr, (old, new)) in (0..).zip(old.iter().zip(new)) {
            if self.are_same(*old, *new) {
                continue;
            }
            same = false;
            let (before, after) = (old.state(), new.state());
            let row = Row {
                addr,
                before: hex(before),
                value: after,
                hex: hex(after),
                delta: before ^ after,
                delta_hex: hex(before ^ after),
            };
            let text = |state| self.format.value(state);
            out.record(&row, format!("{addr} {} {}", text(before), text(after)))?;
        }
        out.flush()?;
        match same {
            true => Ok(()),
            false => Err(Failure::difference()),
        }
    }

    fn are_same(&self, old: Context, new: Context) -> bool {
        if self.references {
            old == new
        } else {
            old.state() == new.state()
        }
    }
}
