// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl watch`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::addresses::Addresses;
use crate::apply::addresses;
use crate::failure::Failure;
use crate::format::{Format, hex};
use crate::global::Global;
use crate::output::Output;
use crate::target::OpenTable;

/// Print states that change, as they do
///
/// Each line has the address, the state before and the state after. A state that changes and
/// changes back at once may not be noticed. Ends when the table is destroyed.
#[derive(clap::Args)]
pub struct Args {
    /// An address, or a range: 0..15 (both included), 5.. or ..15, or .. for all
    #[arg(value_name = "ADDR", required = true)]
    addresses: Vec<Addresses>,
    /// End after N changes
    #[arg(short = 'n', long, value_name = "N")]
    count: Option<u64>,
    /// End after SECONDS, with status 1 where fewer changes came than --count
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
    /// Print the states at the beginning as well
    #[arg(short, long)]
    initial: bool,
    /// The format of states
    #[arg(short, long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    target: OpenTable,
}

#[derive(Serialize)]
struct Row {
    table: u32,
    addr: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    value: u64,
    hex: String,
}

impl Args {
    pub fn run(&self, global: &Global) -> Result<(), Failure> {
        let table = self.target.open()?;
        let watched: BTreeSet<u32> = addresses(&table, &self.addresses)?
            .into_iter()
            .flatten()
            .collect();
        let first = watched.first().copied().unwrap_or(0);
        let last = watched.last().copied().unwrap_or(0);
        // Its error names the address.
        table.read(last).map_err(|e| Failure::of(&e))?;
        let mut watch = table
            .watch(first..last.saturating_add(1))
            .map_err(|e| Failure::of(&e))?;
        let start = watch.read().map_err(|e| Failure::of(&e))?;
        let mut states: BTreeMap<u32, u64> = start
            .iter()
            .filter(|change| watched.contains(&change.addr))
            .map(|change| (change.addr, change.state))
            .collect();
        let end = (self.timeout)
            .and_then(|seconds| Instant::now().checked_add(Duration::from_secs(seconds)));
        let mut out = Output::new(global.json);
        let row = |addr, before, value| Row {
            table: table.id(),
            addr,
            before,
            value,
            hex: hex(value),
        };
        if self.initial {
            for (&addr, &state) in &states {
                let text = format!("{addr} {}", self.format.value(state));
                out.record(&row(addr, None, state), text)?;
            }
        }
        // Tell the reader that watching has begun.
        out.flush()?;
        let mut left = self.count;
        while left != Some(0) {
            let timeout = end.map_or(Duration::MAX, |end| {
                end.saturating_duration_since(Instant::now())
            });
            let changes = match watch.read_timeout(timeout).map_err(|e| Failure::of(&e))? {
                // The table is gone.
                Some([]) => break,
                Some(changes) => changes,
                None => {
                    return match left {
                        Some(_) => Err(Failure::plain(
                            "--timeout is over, and fewer changes came than --count",
                        )),
                        None => Ok(()),
                    };
                }
            };
            for change in changes {
                let Some(state) = states.get_mut(&change.addr) else {
                    continue;
                };
                let (before, after) = (std::mem::replace(state, change.state), change.state);
                if before == after || left == Some(0) {
                    continue;
                }
                let text = format!(
                    "{} {} {}",
                    change.addr,
                    self.format.value(before),
                    self.format.value(after)
                );
                out.record(&row(change.addr, Some(hex(before)), after), text)?;
                left = left.map(|n| n - 1);
            }
            out.flush()?;
        }
        Ok(())
    }
}
