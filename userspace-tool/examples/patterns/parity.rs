// SPDX-License-Identifier: MIT OR Apache-2.0

//! Parity of blocks, which is right whenever a writer is killed.

use std::thread;

use atomik::{Batch, Context, TableRef};

use crate::race::{Owned, Race, Result, Worker};
use crate::{Pattern, Work};

pub const PATTERN: Pattern = Pattern {
    name: "parity",
    run,
    work: Work::OnTable(work),
    without: true,
};

/// Blocks of one word each, from address 0.
const BLOCKS: u32 = 4;
/// XOR of all blocks.
const PARITY: u32 = BLOCKS;
const WRITERS: u32 = 2;
/// Writers are killed once in so many rounds.
const KILL_EVERY: u32 = 200;

/// Changes a block by a delta, and the parity with it.
fn change(table: &TableRef, block: u32, delta: u64) -> atomik::Result<()> {
    let mut batch = Batch::new();
    batch.accum(block, delta).accum(PARITY, delta);
    table.submit(&batch)
}

/// Restores a block that was lost, from the others and the parity.
fn restore(table: &TableRef, lost: u32) -> atomik::Result<u64> {
    let contexts = table.snapshot(0..BLOCKS + 1)?;
    let others = (0..).zip(contexts).filter(|&(addr, _)| addr != lost);
    Ok(others.fold(0, |sum, (_, context)| sum ^ Context::state(context)))
}

/// Changes a block and the parity one after the other: what is killed in between does half of it.
fn change_in_two_steps(table: &TableRef, block: u32, delta: u64) -> atomik::Result<()> {
    table.accum(block, delta)?;
    table.accum(PARITY, delta)
}

/// Writes until it is killed.
fn work(worker: &mut Worker) -> Result {
    let change = if worker.without {
        change_in_two_steps
    } else {
        change
    };
    for n in 1.. {
        let delta = ((n << 1) | u64::from(worker.number)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        change(worker.table, n as u32 % BLOCKS, delta)?;
    }
    Ok(())
}

fn run(race: &Race) -> Result {
    let table = race.table(BLOCKS + 1)?;
    let kills = race.rounds.div_ceil(KILL_EVERY);
    let mut wrong = 0;
    for _ in 0..kills {
        let start = |number| Owned::spawn(&mut race.worker(&table, number, WRITERS)?);
        let mut writers = (0..WRITERS).map(start).collect::<Result<Vec<_>>>()?;
        let before = table.read(0)?;
        while table.read(0)? == before {
            for writer in &mut writers {
                if let Some(status) = writer.try_wait()? {
                    return Err(format!("a writer has ended: {status}").into());
                }
            }
            thread::yield_now();
        }
        // This kills them.
        drop(writers);
        if restore(&table, 0)? != table.read(0)? {
            wrong += 1;
            let difference = restore(&table, PARITY)? ^ table.read(PARITY)?;
            table.accum(PARITY, difference)?;
        }
    }
    race.tell_of("parity of blocks", wrong, kills)
}
