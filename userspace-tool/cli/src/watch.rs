// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl watch`.

use std::time::{Duration, Instant};

use atomik::{Error, Watch};
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
/// Each line has the address, the state before and the state after. It looks every --interval,
/// which costs the table's other users next to nothing. A state that changes and changes back
/// between two looks isn't noticed. Ends when the table is destroyed.
#[derive(clap::Args)]
pub struct Args {
    /// An address, or a range: 0..15 (both included), 5.. or ..15, or .. for all
    #[arg(value_name = "ADDR", required = true)]
    addresses: Vec<Addresses>,
    /// Milliseconds between two looks
    #[arg(
        long,
        value_name = "MS",
        default_value_t = 100,
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    interval: u64,
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
        let watched = addresses(&table, &self.addresses)?.into_iter().flatten();
        let mut watch = Watch::new(&table, watched.collect()).map_err(|e| Failure::of(&e))?;
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
            for (addr, state) in watch.states() {
                let text = format!("{addr} {}", self.format.value(state));
                out.record(&row(addr, None, state), text)?;
            }
        }
        // Tell the reader that watching has begun.
        out.flush()?;
        let mut left = self.count;
        while left != Some(0) {
            let timeout = end.map(|end| end.saturating_duration_since(Instant::now()));
            let changes = match watch.wait(Duration::from_millis(self.interval), timeout) {
                Ok(changes) => changes,
                Err(Error::NoSuchTable { .. }) => break,
                Err(error) => return Err(Failure::of(&error)),
            };
            if changes.is_empty() {
                return match left {
                    Some(_) => Err(Failure::plain(
                        "--timeout is over, and fewer changes came than --count",
                    )),
                    None => Ok(()),
                };
            }
            for change in changes.iter().take(left.map_or(usize::MAX, |n| n as usize)) {
                let (before, after) = (change.before, change.after);
                let text = format!(
                    "{} {} {}",
                    change.addr,
                    self.format.value(before),
                    self.format.value(after)
                );
                out.record(&row(change.addr, Some(hex(before)), after), text)?;
            }
            out.flush()?;
            left = left.map(|n| n.saturating_sub(changes.len() as u64));
        }
        Ok(())
    }
}
