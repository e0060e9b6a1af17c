// SPDX-License-Identifier: MIT OR Apache-2.0

//! A lock whose owner may crash: its word names the owner, and a supervisor frees it.

use atomik::TableRef;

use crate::race::{Race, Result, Worker};
use crate::{Pattern, Work};

pub const PATTERN: Pattern = Pattern {
    name: "lock",
    run,
    work: Work::OnTable(work),
    without: false,
};

/// Owner of the lock, or `FREE`.
const LOCK: u32 = 0;
const FREE: u64 = 0;
/// What the lock protects. It stands for what is outside of tables, such as a file; in a table a
/// batch does without a lock.
const PROTECTED: u32 = 1;
/// First of two words for each worker: its finished rounds, and the round in which it crashed.
const OWN: u32 = 2;

const WORKERS: u32 = 3;
/// A worker crashes once in so many rounds.
const CRASH_EVERY: u64 = 500;

/// Takes the lock, if it is free.
fn try_lock(table: &TableRef, owner: u64) -> atomik::Result<bool> {
    Ok(table.compare_exchange(LOCK, FREE, owner)?.is_ok())
}

/// Frees the lock, if this owner has it: the owner itself, or its supervisor once it has ended.
/// Returns whether it had.
fn unlock(table: &TableRef, owner: u64) -> atomik::Result<bool> {
    Ok(table.compare_exchange(LOCK, owner, FREE)?.is_ok())
}

/// Starts a worker again and again, until it ends well. Returns how often it crashed in the lock.
fn supervise(race: &Race, table: &TableRef, number: u32) -> Result<u32> {
    let mut crashes = 0;
    loop {
        let status = race.worker(table, number, WORKERS)?.status()?;
        // Before another process gets this owner's name.
        crashes += u32::from(unlock(table, owner(number))?);
        match status.code() {
            Some(0) => return Ok(crashes),
            Some(_) => return Err(format!("worker {number}: {status}").into()),
            None => {} // killed by a signal
        }
    }
}

/// The name of a worker as an owner: any number but `FREE` that no other process has.
fn owner(number: u32) -> u64 {
    1 + u64::from(number)
}

fn work(worker: &mut Worker) -> Result {
    let (table, owner) = (worker.table, owner(worker.number));
    let (done, crashed) = (OWN + 2 * worker.number, OWN + 2 * worker.number + 1);
    let rounds = u64::from(worker.rounds.div_ceil(WORKERS));
    let mut lock = table.watch(LOCK..LOCK + 1)?;
    for round in 1 + table.read(done)?..=rounds {
        while !try_lock(table, owner)? {
            worker.wait(&mut lock)?;
        }
        if round % CRASH_EVERY == 1 && table.read(crashed)? != round {
            table.set(crashed, round)?;
            std::process::abort();
        }
        // Two steps, between which nobody else may do the same.
        let before = table.read(PROTECTED)?;
        table.set(PROTECTED, before + 1)?;
        table.set(done, round)?;
        if !unlock(table, owner)? {
            return Err("the lock was taken away".into());
        }
    }
    Ok(())
}

fn run(race: &Race) -> Result {
    let table = race.table(OWN + 2 * WORKERS)?;
    let crashes = race.supervise(&table, WORKERS, |number| supervise(race, &table, number))?;
    let rounds = u64::from(race.rounds.div_ceil(WORKERS));
    assert!(crashes.iter().all(|&n| n > 0), "{crashes:?}");
    assert_eq!(table.read(LOCK)?, FREE);
    assert_eq!(table.read(PROTECTED)?, rounds * u64::from(WORKERS));
    race.tell("a lock whose owners crash", 0)
}
