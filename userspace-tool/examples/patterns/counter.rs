// SPDX-License-Identifier: MIT OR Apache-2.0

//! A counter with many writers, which gives each its own number.

use atomik::TableRef;

use crate::race::{Race, Result, Worker};
use crate::{Pattern, Work};

pub const PATTERN: Pattern = Pattern {
    name: "counter",
    run,
    work: Work::OnTable(work),
    without: true,
};

const COUNTER: u32 = 0;
const WORKERS: u32 = 4;

/// Counts. Returns the number before, which no other call returns.
fn count(table: &TableRef) -> atomik::Result<u64> {
    table.update(COUNTER, |number| number + 1)
}

/// Counts in two steps, between which others count as well.
fn count_by_xor(table: &TableRef) -> atomik::Result<u64> {
    let number = table.read(COUNTER)?;
    table.accum(COUNTER, number ^ (number + 1))?;
    Ok(number)
}

fn work(worker: &mut Worker) -> Result {
    let count = if worker.without { count_by_xor } else { count };
    worker.meet()?;
    for _ in 0..worker.rounds.div_ceil(WORKERS) {
        println!("{}", count(worker.table)?);
    }
    Ok(())
}

fn run(race: &Race) -> Result {
    let table = race.table(1)?;
    let printed = race.run(&table, WORKERS)?.concat();
    let mut numbers = printed
        .lines()
        .map(str::parse)
        .collect::<std::result::Result<Vec<u64>, _>>()?;
    let calls = numbers.len();
    numbers.sort_unstable();
    numbers.dedup();
    let all = (0..calls as u64).eq(numbers.iter().copied());
    assert!(race.without || (all && table.read(COUNTER)? == calls as u64));
    race.tell("a counter of four processes", calls - numbers.len())
}
