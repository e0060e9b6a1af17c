// SPDX-License-Identifier: MIT OR Apache-2.0

//! XOR deltas: many writers change one word, and needn't know of each other.

use atomik::TableMap;

use crate::race::{Race, Result, Worker};
use crate::{Pattern, Work};

pub const PATTERN: Pattern = Pattern {
    name: "deltas",
    run,
    work: Work::OnTable(work),
    without: false,
};

/// XOR of the hashes of all records. The same records have the same sum.
const SUM: u32 = 0;
const WORKERS: u32 = 4;

/// A record: its key and its value.
type Record = (u64, u64);

/// Spreads all bits of a record.
fn hash((key, value): Record) -> u64 {
    let mut hash = key.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ value;
    for _ in 0..2 {
        hash = (hash ^ (hash >> 31)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    }
    hash ^ (hash >> 29)
}

/// Notes that a record has been replaced. The same with both exchanged undoes it.
fn note(map: &TableMap, old: Record, new: Record) -> atomik::Result<()> {
    map.accum(SUM, hash(old) ^ hash(new))
}

fn work(worker: &mut Worker) -> Result {
    let key = u64::from(worker.number);
    worker.meet()?;
    for value in 0..u64::from(worker.rounds) {
        note(&worker.map, (key, value), (key, value + 1))?;
    }
    Ok(())
}

fn run(race: &Race) -> Result {
    let table = race.table(1)?;
    let sum = |value| (0..WORKERS).fold(0, |sum, key| sum ^ hash((key.into(), value)));
    table.load(SUM, sum(0))?;
    race.run(&table, WORKERS)?;
    assert_eq!(table.read(SUM)?, sum(race.rounds.into()));
    race.tell("deltas of four processes", 0)
}
