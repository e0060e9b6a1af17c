// SPDX-License-Identifier: MIT OR Apache-2.0

//! A sequence number, by which programs that have mapped a table read several words as of one
//! moment, without a system call.

use std::hint;

use atomik::{Batch, Error, TableRef, TableView};

use crate::race::{Race, Result, Worker};
use crate::{Pattern, Work};

pub const PATTERN: Pattern = Pattern {
    name: "sequence",
    run,
    work: Work::OnTable(work),
    without: false,
};

/// Grows by 2 with each change of the words, and is odd in the midst of one.
const SEQUENCE: u32 = 0;
/// First of the words.
const FIRST: u32 = 1;
const WORDS: usize = 6;
/// Number of writers that have ended.
const ENDED: u32 = FIRST + WORDS as u32;

const WRITERS: u32 = 2;
const READERS: u32 = 2;

/// Replaces the words. It is one batch, so no crash leaves the number odd.
fn write(table: &TableRef, words: [u64; WORDS]) -> atomik::Result<()> {
    loop {
        let number = table.read(SEQUENCE)?;
        let mut batch = Batch::new();
        batch.expect(SEQUENCE, number).set(SEQUENCE, number + 1);
        for (addr, word) in (FIRST..).zip(words) {
            batch.set(addr, word);
        }
        batch.set(SEQUENCE, number + 2);
        match table.submit(&batch) {
            Err(Error::Canceled { .. }) => {} // another writer was faster
            result => return result,
        }
    }
}

/// Reads the words of one moment, without a system call.
fn read(view: &TableView) -> atomik::Result<[u64; WORDS]> {
    loop {
        let number = view.read(SEQUENCE)?;
        let mut words = [0; WORDS];
        for (addr, word) in (FIRST..).zip(&mut words) {
            *word = view.read(addr)?;
        }
        if number % 2 == 0 && view.read(SEQUENCE)? == number {
            return Ok(words);
        }
        hint::spin_loop();
    }
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
    assert_eq!(table.read(SEQUENCE)?, 2 * u64::from(race.rounds * WRITERS));
    race.tell("a sequence number over a mapping", 0)
}
