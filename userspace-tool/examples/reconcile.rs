// SPDX-License-Identifier: MIT OR Apache-2.0

//! Set reconciliation by an invertible Bloom lookup table whose cells are contexts.
//!
//! Two processes have sets of keys that differ in a few. Each keeps a table of cells: a key is
//! XORed into three of them, and so is a hash of it, two ACCUMs for each cell. The parent gets the
//! child's cells, whose number depends on the difference and not on the set, and ACCUMs them into
//! its own: keys of both cancel out, and the rest can be peeled off, key by key.

use std::collections::BTreeSet;
use std::error::Error;
use std::process::Command;

use atomik::{Batch, Context, Device, TableRef};

/// Enough for a difference of about 60 keys: a cell and a half for each, and some.
const CELLS: u32 = 120;
/// Cells of each key, one in each third of the table.
const CELLS_OF_KEY: u32 = 3;
/// Keys that both have.
const COMMON: u64 = 20_000;
/// Keys that only one has.
const OWN: u64 = 25;

fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1) {
        Some(_) => child(),
        None => parent(),
    }
}

/// Spreads all bits of a key; never 0 for a key that is used here.
fn hash(key: u64, seed: u64) -> u64 {
    let mut hash = key ^ seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    for _ in 0..2 {
        hash = (hash ^ (hash >> 31)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    }
    hash ^ (hash >> 29)
}

/// The set of one process.
fn keys(process: u64) -> BTreeSet<u64> {
    let own = (0..OWN).map(|n| hash(n, 1000 + process));
    (0..COMMON).map(|n| hash(n, 1)).chain(own).collect()
}

/// Adds a key to its cells, or removes it: both are the same.
fn toggle(batch: &mut Batch, key: u64) {
    let third = CELLS / CELLS_OF_KEY;
    for part in 0..CELLS_OF_KEY {
        let cell = part * third + (hash(key, 10 + u64::from(part)) % u64::from(third)) as u32;
        batch.accum(2 * cell, key).accum(2 * cell + 1, hash(key, 2));
    }
}

/// Adds all keys to a table.
fn fill(table: &TableRef, keys: &BTreeSet<u64>) -> atomik::Result<()> {
    let mut batch = Batch::new();
    for &key in keys {
        toggle(&mut batch, key);
        if batch.len() + 2 * CELLS_OF_KEY as usize > atomik::MAX_BATCH as usize {
            table.submit(&batch)?;
            batch.clear();
        }
    }
    if batch.is_empty() {
        Ok(())
    } else {
        table.submit(&batch)
    }
}

fn states(table: &TableRef) -> atomik::Result<Vec<u64>> {
    let image = table.snapshot(0..2 * CELLS)?;
    Ok(image.into_iter().map(Context::state).collect())
}

/// Prints its cells.
fn child() -> Result<(), Box<dyn Error>> {
    let table = Device::open()?.create_table(2 * CELLS)?;
    fill(&table, &keys(2))?;
    for state in states(&table)? {
        println!("{state:x}");
    }
    Ok(())
}

fn parent() -> Result<(), Box<dyn Error>> {
    let table = Device::open()?.create_table(2 * CELLS)?;
    let mut set = keys(1);
    fill(&table, &set)?;

    let output = Command::new(std::env::current_exe()?)
        .arg("child")
        .output()?;
    let mut batch = Batch::new();
    for (addr, line) in (0..).zip(String::from_utf8(output.stdout)?.lines()) {
        batch.accum(addr, u64::from_str_radix(line, 16)?);
    }
    table.submit(&batch)?;

    let difference = peel(&table)?;
    // The parent has the keys that it lacked, and could send the child those that it lacks.
    let sent: Vec<u64> = difference
        .iter()
        .copied()
        .filter(|key| set.contains(key))
        .collect();
    set.extend(&difference);
    let mut theirs = keys(2);
    theirs.extend(&sent);
    println!(
        "keys        {} in one, {} in the other",
        COMMON + OWN,
        COMMON + OWN
    );
    println!("difference  {}", difference.len());
    println!(
        "bytes       {} of cells, instead of {} of keys",
        16 * CELLS,
        8 * (COMMON + OWN)
    );
    if set != theirs || difference.len() as u64 != 2 * OWN {
        return Err("the sets differ".into());
    }
    println!("both have the same set");
    Ok(())
}

/// Takes key after key out of the difference. A cell with a single key has the hash of that key.
fn peel(table: &TableRef) -> Result<Vec<u64>, Box<dyn Error>> {
    let mut found = vec![];
    loop {
        let states = states(table)?;
        if states.iter().all(|&state| state == 0) {
            return Ok(found);
        }
        let alone = |cell: &&[u64]| cell[0] != 0 && cell[1] == hash(cell[0], 2);
        let Some(cell) = states.chunks_exact(2).find(alone) else {
            return Err("the difference is too large for this table".into());
        };
        let mut batch = Batch::new();
        toggle(&mut batch, cell[0]);
        table.submit(&batch)?;
        found.push(cell[0]);
    }
}
