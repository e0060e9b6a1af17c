// SPDX-License-Identifier: MIT OR Apache-2.0

//! A configuration of several words, which processes replace and read as one.

use atomik::{Batch, Context, TableRef};

use crate::race::{Race, Result, Worker};
use crate::{Pattern, Work};

pub const PATTERN: Pattern = Pattern {
    name: "configuration",
    run,
    work: Work::OnTable(work),
    without: true,
};

/// Words of a configuration. Each round has one of its own.
const WORDS: u32 = 3;
const WORKERS: u32 = 2;

/// Replaces the configuration at `first`, whatever it was.
fn replace(table: &TableRef, first: u32, words: &[u64]) -> atomik::Result<()> {
    let mut batch = Batch::new();
    for (addr, &word) in (first..).zip(words) {
        batch.set(addr, word);
    }
    table.submit(&batch)
}

/// Reads the configuration at `first`, all of one moment.
fn read(table: &TableRef, first: u32) -> atomik::Result<Vec<u64>> {
    let contexts = table.snapshot(first..first + WORDS)?;
    Ok(contexts.into_iter().map(Context::state).collect())
}

/// Adds to the first word, within a limit that the second word names, and notes in the third how
/// often. Returns whether there was room.
fn add(table: &TableRef, first: u32, amount: u64) -> atomik::Result<bool> {
    table.transact(&[first, first + 1, first + 2], |words| {
        let fits = words[0] + amount <= words[1];
        if fits {
            words[0] += amount;
            words[2] += 1;
        }
        fits
    })
}

/// Replaces the configuration by the deltas between what it was and what it is to be.
fn replace_by_xor(table: &TableRef, first: u32, words: &[u64]) -> atomik::Result<()> {
    for (addr, (&word, old)) in (first..).zip(words.iter().zip(read(table, first)?)) {
        table.accum(addr, old)?;
        table.accum(addr, word)?;
    }
    Ok(())
}

/// The words that a worker sets.
fn words_of(worker: u32) -> [u64; WORDS as usize] {
    [1, 2, 3].map(|word| word << (8 * worker))
}

/// Whether these are the words of one worker.
fn is_of_one(words: &[u64]) -> bool {
    (0..WORKERS).any(|worker| words == words_of(worker))
}

fn work(worker: &mut Worker) -> Result {
    let replace = if worker.without {
        replace_by_xor
    } else {
        replace
    };
    for round in 0..worker.rounds {
        let first = round * WORDS;
        worker.meet()?;
        replace(worker.table, first, &words_of(worker.number))?;
        let words = read(worker.table, first)?;
        assert!(worker.without || is_of_one(&words), "{words:?}");
    }
    // Both add to one configuration, until it is full.
    worker.meet()?;
    let mut added = 0;
    while add(
        worker.table,
        worker.rounds * WORDS,
        1 + u64::from(worker.number),
    )? {
        added += 1;
    }
    println!("{added}");
    Ok(())
}

fn run(race: &Race) -> Result {
    let table = race.table((race.rounds + 1) * WORDS)?;
    let last = race.rounds * WORDS;
    let limit = u64::from(race.rounds / 10);
    replace(&table, last, &[0, limit, 0])?;
    let printed = race.run(&table, WORKERS)?.concat();

    let added = printed
        .lines()
        .map(str::parse::<u64>)
        .sum::<std::result::Result<u64, _>>()?;
    let words = read(&table, last)?;
    // One adds 1, and so stops only when it is full.
    assert_eq!(words, [limit, limit, added]);

    let contexts = table.snapshot(0..last)?;
    let words: Vec<u64> = contexts.into_iter().map(Context::state).collect();
    let wrong = words
        .chunks_exact(WORDS as usize)
        .filter(|words| !is_of_one(words))
        .count();
    race.tell("a configuration that two processes replace", wrong)
}
