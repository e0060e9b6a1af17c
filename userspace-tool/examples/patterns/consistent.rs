// SPDX-License-Identifier: MIT OR Apache-2.0

//! Several words that programs have mapped, read as of one moment, without a system call.

use atomik::{Batch, TableRef, TableView};

use crate::race::{Race, Result, Worker};
use crate::{Pattern, Work};

pub const PATTERN: Pattern = Pattern {
    name: "consistent",
    run,
    work: Work::OnTable(work),
    without: false,
};

const WORDS: usize = 6;
/// Number of writers that have ended.
const ENDED: u32 = WORDS as u32;

const WRITERS: u32 = 2;
const READERS: u32 = 2;

/// Replaces the words, in one batch.
fn write(table: &TableRef, words: [u64; WORDS]) -> atomik::Result<()> {
    let mut batch = Batch::new();
    for (addr, word) in (0..).zip(words) {
        batch.set(addr, word);
    }
    table.submit(&batch)
}

/// Reads the words of one moment, without a system call unless batches are always at work.
fn read(view: &TableView) -> atomik::Result<[u64; WORDS]> {
    let mut words = [0; WORDS];
    view.read_consistent(&[0, 1, 2, 3, 4, 5], &mut words)?;
    Ok(words)
}

/// Words that belong together.
fn words(value: u64) -> [u64; WORDS] {
    [1, 2, 3, 4, 5, 6].map(|factor| value * factor)
}

fn work(worker: &mut Worker) -> Result {
    let table = worker.table;
    worker.meet()?;
    if worker.number < WRITERS {
        for round in 0..worker.rounds {
            write(table, words(u64::from(round * WRITERS + worker.number)))?;
        }
        table.update(ENDED, |ended| ended + 1)?;
        return Ok(());
    }
    let view = table.view()?;
    while view.read(ENDED)? < u64::from(WRITERS) {
        worker.check_others()?;
        let read = read(&view)?;
        assert_eq!(read, words(read[0]));
    }
    Ok(())
}

fn run(race: &Race) -> Result {
    let table = race.table(ENDED + 1)?;
    race.run(&table, WRITERS + READERS)?;
    let last = read(&table.view()?)?;
    assert_eq!(last, words(last[0]));
    race.tell("words of one moment over a mapping", 0)
}
