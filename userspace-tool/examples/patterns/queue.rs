// SPDX-License-Identifier: MIT OR Apache-2.0

//! A bounded queue of ids: some processes put, others take.

use atomik::{Batch, Error, TableRef, Watch};

use crate::race::{Race, Result, Worker};
use crate::{Pattern, Work};

pub const PATTERN: Pattern = Pattern {
    name: "queue",
    run,
    work: Work::OnTable(work),
    without: false,
};

/// Number of ids that have been taken.
const HEAD: u32 = 0;
/// Number of ids that have been put.
const TAIL: u32 = 1;
/// Number of producers that have ended.
const ENDED: u32 = 2;
/// First of the slots.
const SLOTS: u32 = 3;
/// Most ids in the queue.
const LENGTH: u64 = 64;

const PRODUCERS: u32 = 2;
const CONSUMERS: u32 = 2;

fn slot(number: u64) -> u32 {
    SLOTS + (number % LENGTH) as u32
}

/// Puts an id at the end. Returns whether there was room.
fn put(table: &TableRef, id: u64) -> atomik::Result<bool> {
    loop {
        let tail = table.read(TAIL)?;
        // Read after the tail, so that a queue that seems full is full.
        if tail.saturating_sub(table.read(HEAD)?) == LENGTH {
            return Ok(false);
        }
        let mut batch = Batch::new();
        batch
            .expect(TAIL, tail)
            .set(slot(tail), id)
            .set(TAIL, tail + 1);
        match table.submit(&batch) {
            Err(Error::Canceled { .. }) => {} // another process was faster
            result => return result.map(|()| true),
        }
    }
}

/// Takes the first id. Returns none where the queue is empty.
fn take(table: &TableRef) -> atomik::Result<Option<u64>> {
    loop {
        let head = table.read(HEAD)?;
        // Read after the head, so that a queue that seems empty is empty.
        if table.read(TAIL)? == head {
            return Ok(None);
        }
        // While the head stays, so does what is in its slot.
        let id = table.read(slot(head))?;
        let mut batch = Batch::new();
        batch.expect(HEAD, head).set(HEAD, head + 1);
        match table.submit(&batch) {
            Err(Error::Canceled { .. }) => {} // another process was faster
            result => return result.map(|()| Some(id)),
        }
    }
}

/// Takes the first id, and waits for it. Returns none when all producers have ended.
fn take_next(worker: &Worker, changes: &mut Watch) -> Result<Option<u64>> {
    loop {
        let ended = worker.table.read(ENDED)? == u64::from(PRODUCERS);
        match take(worker.table)? {
            None if !ended => worker.wait(changes)?,
            id => return Ok(id),
        }
    }
}

fn work(worker: &mut Worker) -> Result {
    worker.meet()?;
    if worker.number < PRODUCERS {
        let mut taken = worker.table.watch(HEAD..HEAD + 1)?;
        for round in 0..worker.rounds.div_ceil(PRODUCERS) {
            let id = u64::from(round * PRODUCERS + worker.number);
            while !put(worker.table, id)? {
                worker.wait(&mut taken)?;
            }
        }
        worker.table.update(ENDED, |ended| ended + 1)?;
        return Ok(());
    }
    let mut changes = worker.table.watch(TAIL..ENDED + 1)?;
    while let Some(id) = take_next(worker, &mut changes)? {
        println!("{id}");
    }
    Ok(())
}

fn run(race: &Race) -> Result {
    let table = race.table(SLOTS + LENGTH as u32)?;
    let printed = race.run(&table, PRODUCERS + CONSUMERS)?;
    let mut ids = vec![];
    for taken in &printed {
        let taken = taken
            .lines()
            .map(str::parse)
            .collect::<std::result::Result<Vec<u32>, _>>()?;
        // Each consumer finds the ids of each producer in their order.
        for producer in 0..PRODUCERS {
            let of_one = taken.iter().filter(|&id| id % PRODUCERS == producer);
            assert!(of_one.is_sorted());
        }
        ids.extend(taken);
    }
    ids.sort_unstable();
    assert!(
        ids.into_iter()
            .eq(0..race.rounds.div_ceil(PRODUCERS) * PRODUCERS),
        "each id was taken once"
    );
    race.tell("a queue of ids", 0)
}
