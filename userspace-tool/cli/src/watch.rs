// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl watch`.

use std::ffi::OsString;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use atomik::TableRef;
use clap::ValueHint;

use crate::addresses::Addresses;
use crate::apply::addresses;
use crate::changes::Changes;
use crate::failure::Failure;
use crate::format::Format;
use crate::global::Global;
use crate::seconds;
use crate::target::OpenTable;

mod ends;
mod exec;
mod patient;
mod teller;

use exec::Exec;
use teller::{Print, Teller};

/// Print states that change, when they do
///
/// Each line has the address, the state before and the state now. `watch` sleeps until something
/// changes. Changes that come faster than they are printed become one: the last state is always
/// printed, and a state that has changed back by then is not. Addresses without a gap between them
/// are watched together, and what is printed of them at a time is of one moment.
///
/// It ends when the table is destroyed, its file is closed, or the reader closes the output; a
/// signal ends it when it has printed what had changed before. What programs change in a mapped
/// table is printed when they say so (TOUCH).
#[derive(clap::Args)]
#[command(after_help = COMMAND_HELP)]
pub struct Args {
    /// An address, or a range: 0..15 (both included), 5.. or ..15, or .. for all
    #[arg(value_name = "ADDR", required = true)]
    addresses: Vec<Addresses>,
    /// Leave at least MS milliseconds between two reports; what changes meanwhile becomes one
    /// change of each context
    #[arg(long, value_name = "MS", default_value_t = 0)]
    interval: u64,
    /// End after N changes
    #[arg(short = 'n', long, value_name = "N")]
    count: Option<u64>,
    /// End after SECONDS, such as 10 or 0.5, with status 124 where fewer changes came than --count
    #[arg(long, value_name = "SECONDS", value_parser = seconds::parse)]
    timeout: Option<Duration>,
    /// Print the states at the beginning as well
    #[arg(short, long)]
    initial: bool,
    /// The format of states
    #[arg(short, long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    target: OpenTable,
    /// Run COMMAND for each change instead of printing it; all words that follow are its own
    #[arg(
        long,
        value_name = "COMMAND",
        num_args = 1..,
        allow_hyphen_values = true,
        value_hint = ValueHint::CommandName
    )]
    exec: Option<Vec<OsString>>,
}

const COMMAND_HELP: &str = "\
Command:
--exec runs COMMAND once for each change, one after the other, in the order of addresses. What
changes meanwhile is told after that, folded as above. The command is a program and its arguments;
`--exec sh -c '...'` runs a line of the shell. It finds in its environment

  ATOMIK_TABLE   the table's id
  ATOMIK_ADDR    the address, in decimal
  ATOMIK_BEFORE  the state before, in --format; not set for --initial
  ATOMIK_AFTER   the state now, in --format

A command that fails is told on standard error, with its status, and watching goes on; at the end
the exit status is 1. One that can't be run ends it. At --timeout and at the table's end, a command
that runs is waited for; a signal ends `watch` at once, and leaves the command running.";

impl Args {
    pub fn run(&self, global: &Global) -> Result<(), Failure> {
        let table = self.target.open()?;
        let watched = self.watch(&table)?;
        let mut teller = match &self.exec {
            Some(words) => Teller::Run(Exec::new(words, table.id(), self.format, global)),
            None => Teller::Print(Print::new(table.id(), self.format, global.json)?),
        };
        self.follow(watched, &mut teller)?;
        teller.end()
    }

    /// Watches all addresses: each run of neighbours by itself, so that nothing wakes for others.
    fn watch(&self, table: &TableRef) -> Result<Vec<Changes>, Failure> {
        let runs = runs(addresses(table, &self.addresses)?);
        if let Some(last) = runs.last() {
            // Its error names the address.
            table.read(*last.end()).map_err(|e| Failure::of(&e))?;
        }
        (runs.into_iter())
            .map(|run| Changes::of(table, run).map_err(|e| Failure::of(&e)))
            .collect()
    }

    /// Tells changes until there were enough, the time is over, or the table is gone.
    fn follow(&self, mut watched: Vec<Changes>, teller: &mut Teller<'_>) -> Result<(), Failure> {
        let end = seconds::end_of(self.timeout);
        let interval = Duration::from_millis(self.interval);
        let mut pause: Option<Instant> = None;
        let mut left = self.count;
        loop {
            let signaled = match pause {
                Some(pause) => teller.wait(&[], Some(end.map_or(pause, |end| end.min(pause))))?,
                None => teller.wait(&watched, end)?,
            };
            // All that changed before a signal or the end is told below.
            let now = Instant::now();
            let over = end.is_some_and(|end| end <= now);
            if !over && !signaled && pause.is_some_and(|pause| now < pause) {
                continue;
            }
            pause = None;
            let mut at = 0;
            while let Some(changes) = watched.get_mut(at) {
                let Some(changes) = changes.take().map_err(|e| Failure::of(&e))? else {
                    watched.remove(at);
                    continue;
                };
                for change in changes {
                    if change.before.is_none() {
                        if self.initial {
                            teller.tell(change)?;
                        }
                    } else if left != Some(0) {
                        teller.tell(change)?;
                        left = left.map(|n| n - 1);
                        pause = now.checked_add(interval);
                    }
                }
                at += 1;
            }
            teller.flush()?;
            if left == Some(0) || watched.is_empty() {
                return Ok(());
            }
            if signaled {
                teller.obey()?;
            }
            if over {
                return match left {
                    Some(_) => Err(Failure::over("fewer changes came than --count")),
                    None => Ok(()),
                };
            }
        }
    }
}

/// Runs of neighbouring addresses, from the lowest to the highest.
fn runs(mut ranges: Vec<RangeInclusive<u32>>) -> Vec<RangeInclusive<u32>> {
    ranges.sort_unstable_by_key(|range| *range.start());
    let mut runs: Vec<RangeInclusive<u32>> = vec![];
    for range in ranges {
        match runs.last_mut() {
            Some(run) if *range.start() <= run.end().saturating_add(1) => {
                *run = *run.start()..=*run.end().max(range.end());
            }
            _ => runs.push(range),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_one_run() {
        let last = u32::MAX;
        for (ranges, expected) in [
            (vec![], vec![]),
            (vec![3..=3, 1..=1], vec![1..=1, 3..=3]),
            (vec![2..=2, 1..=1, 3..=5], vec![1..=5]),
            (vec![1..=9, 2..=3, 5..=5, 1..=1], vec![1..=9]),
            (vec![last..=last, last..=last], vec![last..=last]),
        ] {
            assert_eq!(runs(ranges), expected);
        }
    }
}
