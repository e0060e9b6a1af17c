// SPDX-License-Identifier: MIT OR Apache-2.0

//! Old and new values for an audit: the old one is that which was replaced, and no other.

use std::collections::BTreeMap;

use atomik::{Batch, TableRef};

use crate::race::{Race, Result, Worker};
use crate::{Pattern, Work};

pub const PATTERN: Pattern = Pattern {
    name: "audit",
    run,
    work: Work::OnTable(work),
    without: false,
};

const VALUE: u32 = 0;
const WORKERS: u32 = 3;

/// Sets a value. Returns the one that it has replaced.
fn replace(table: &TableRef, addr: u32, new: u64) -> atomik::Result<u64> {
    let mut batch = Batch::new();
    let old = batch.read(addr);
    batch.set(addr, new);
    table.run(&mut batch)?.get(old)
}

fn work(worker: &mut Worker) -> Result {
    worker.meet()?;
    for round in 0..worker.rounds.div_ceil(WORKERS) {
        let new = u64::from(1 + round * WORKERS + worker.number);
        let old = replace(worker.table, VALUE, new)?;
        println!("{old} {new}");
    }
    Ok(())
}

fn run(race: &Race) -> Result {
    let table = race.table(1)?;
    let printed = race.run(&table, WORKERS)?.concat();
    let record = |line: &str| -> Result<(u64, u64)> {
        let (old, new) = line.split_once(' ').ok_or("not a record")?;
        Ok((old.parse()?, new.parse()?))
    };
    let mut records = printed
        .lines()
        .map(record)
        .collect::<Result<BTreeMap<_, _>>>()?;
    // Each record goes on where another ended, from the beginning to the present value.
    let mut value = 0;
    while let Some(new) = records.remove(&value) {
        value = new;
    }
    assert!(records.is_empty(), "{records:?}");
    assert_eq!(value, table.read(VALUE)?);
    race.tell("old and new values for an audit", 0)
}
