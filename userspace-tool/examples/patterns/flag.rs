// SPDX-License-Identifier: MIT OR Apache-2.0

//! Flags with many writers: the process that sets one knows that it was the first.

use atomik::TableRef;

use crate::race::{Race, Result, Worker};
use crate::{Pattern, Work};

pub const PATTERN: Pattern = Pattern {
    name: "flag",
    run,
    work: Work::OnTable(work),
    without: true,
};

/// Flag that both workers want, in the word of each round.
const CLAIMED: u64 = 1;
const WORKERS: u32 = 2;

/// Sets flags of a word, if all of them are clear. Returns whether they were.
fn claim(table: &TableRef, addr: u32, flags: u64) -> atomik::Result<bool> {
    let before = table.update(addr, |word| match word & flags {
        0 => word | flags,
        _ => word,
    })?;
    Ok(before & flags == 0)
}

/// Clears flags of a word, and leaves the others as they are.
fn release(table: &TableRef, addr: u32, flags: u64) -> atomik::Result<()> {
    table.update(addr, |word| word & !flags)?;
    Ok(())
}

/// Sets flags if they are clear, with a moment between the two in which another may do the same.
fn claim_by_xor(table: &TableRef, addr: u32, flags: u64) -> atomik::Result<bool> {
    let clear = table.read(addr)? & flags == 0;
    if clear {
        table.accum(addr, flags)?;
    }
    Ok(clear)
}

fn work(worker: &mut Worker) -> Result {
    let own = CLAIMED << (1 + worker.number);
    let claim = if worker.without { claim_by_xor } else { claim };
    for addr in 0..worker.rounds {
        worker.meet()?;
        let first = claim(worker.table, addr, CLAIMED)?;
        claim(worker.table, addr, own)?;
        if !first {
            release(worker.table, addr, own)?;
        }
    }
    Ok(())
}

fn run(race: &Race) -> Result {
    let table = race.table(race.rounds)?;
    race.run(&table, WORKERS)?;
    // The flag, and that of the worker that set it.
    let right = |word: u64| word & CLAIMED != 0 && (word ^ CLAIMED).is_power_of_two();
    let words = table.snapshot(0..race.rounds)?;
    let wrong = words.iter().filter(|word| !right(word.state())).count();
    race.tell("a flag that two processes set", wrong)
}
