// SPDX-License-Identifier: MIT OR Apache-2.0

//! The patterns of docs/patterns.md. Each is a few lines of code, and processes that race with it
//! on one table and must end right.
//!
//! `patterns` runs all of them, `patterns NAME` one. With `--without`, those that can do the same by
//! XOR deltas alone, and tell how often that ends wrong.

mod audit;
mod configuration;
mod consistent;
mod counter;
mod deltas;
mod flag;
mod lock;
mod parity;
mod queue;
mod race;
mod readers;

use clap::{Parser, builder::PossibleValuesParser, value_parser};
use race::{Race, Result, Worker};

/// A pattern, as a program.
struct Pattern {
    name: &'static str,
    /// Makes a table, starts workers, and checks how they have left it.
    run: fn(&Race) -> Result,
    work: Work,
    /// Whether it can do the same by XOR deltas of what was read before.
    without: bool,
}

/// Work of a worker, which is a process of its own.
enum Work {
    /// On the table that its standard input is.
    OnTable(fn(&mut Worker) -> Result),
    /// With nothing but its standard input.
    Alone(fn() -> Result),
}

const PATTERNS: [Pattern; 10] = [
    flag::PATTERN,
    counter::PATTERN,
    queue::PATTERN,
    lock::PATTERN,
    configuration::PATTERN,
    audit::PATTERN,
    parity::PATTERN,
    readers::PATTERN,
    consistent::PATTERN,
    deltas::PATTERN,
];

/// Most rounds of a race: some need three contexts for each.
const MOST_ROUNDS: u32 = 20_000;

/// Run the patterns of docs/patterns.md on /dev/atomik, with processes that race
#[derive(Parser)]
struct Args {
    /// Pattern to run [default: all of them]
    #[arg(value_parser = PossibleValuesParser::new(PATTERNS.map(|pattern| pattern.name)))]
    pattern: Option<String>,
    /// Rounds of each race
    #[arg(long, value_name = "N", default_value_t = MOST_ROUNDS)]
    #[arg(value_parser = value_parser!(u32).range(1..=i64::from(MOST_ROUNDS)))]
    rounds: u32,
    /// Race by XOR deltas alone, and tell how often that ends wrong
    #[arg(long)]
    without: bool,
    /// Be the worker with this number
    #[arg(long, hide = true)]
    worker: Option<u32>,
    /// Be one of so many workers
    #[arg(long, hide = true, default_value_t = 1)]
    workers: u32,
}

fn main() -> Result {
    let args = Args::parse();
    let named = |pattern: &&Pattern| {
        args.pattern
            .as_ref()
            .is_none_or(|name| name == pattern.name)
    };
    let able = |pattern: &&Pattern| pattern.without || !args.without;
    let chosen: Vec<_> = PATTERNS.iter().filter(named).filter(able).collect();
    if chosen.is_empty() {
        return Err("this pattern has no race by XOR deltas alone; leave out --without".into());
    }
    for pattern in chosen {
        let race = Race {
            pattern: pattern.name,
            rounds: args.rounds,
            without: args.without,
        };
        match (args.worker, &pattern.work) {
            (None, _) => (pattern.run)(&race)?,
            (Some(number), Work::OnTable(work)) => race.be_worker(number, args.workers, *work)?,
            (Some(_), Work::Alone(work)) => work()?,
        }
    }
    Ok(())
}
