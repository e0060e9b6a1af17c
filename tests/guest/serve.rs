// SPDX-License-Identifier: MIT OR Apache-2.0

//! Operations of the model, carried out by the driver.

use atomik_test_support::{
    model::{Answer, Entry, Op},
    raw::{RawFile, accum, load, read, swap},
};
use atomik_uapi::{BatchOp, OP_READ, OP_SWAP};
use nix::errno::Errno;

/// Carries out an operation.
pub fn serve(file: &RawFile, op: &Op) -> Answer {
    let result = match op {
        Op::Create(contexts) => file.create(*contexts).map(Answer::Created),
        Op::Destroy { table } => file.destroy(*table).map(|()| Answer::Destroyed),
        Op::Single { table, entry } => single(file, *table, *entry).map(Answer::States),
        Op::Batch { table, entries } => batch(file, *table, entries).map(Answer::States),
    };
    match result {
        Ok(answer) => answer,
        Err(Errno::ENOENT) => Answer::NoTable,
        Err(Errno::EINVAL) => Answer::OutOfRange,
        Err(error) => panic!("{error} from {op:?}"),
    }
}

fn single(file: &RawFile, table: u32, entry: Entry) -> Result<Vec<u64>, Errno> {
    match entry {
        Entry::Load { addr, value } => file.load(table, addr, value).map(|()| vec![]),
        Entry::Accum { addr, delta } => file.accum(table, addr, delta).map(|()| vec![]),
        Entry::Read { addr } => file.read(table, addr).map(|state| vec![state]),
        Entry::Swap { addr, new } => file.swap(table, addr, new).map(|state| vec![state]),
    }
}

fn batch(file: &RawFile, table: u32, entries: &[Entry]) -> Result<Vec<u64>, Errno> {
    let in_batch = |entry: &Entry| match *entry {
        Entry::Load { addr, value } => load(addr, value),
        Entry::Accum { addr, delta } => accum(addr, delta),
        Entry::Read { addr } => read(addr),
        Entry::Swap { addr, new: 0 } => swap(addr),
        Entry::Swap { .. } => panic!("in a batch, SWAP keeps the state"),
    };
    let mut ops: Vec<BatchOp> = entries.iter().map(in_batch).collect();
    file.batch(table, &mut ops)?;
    let returns = |op: &&BatchOp| matches!(op.opcode, OP_READ | OP_SWAP);
    Ok(ops.iter().filter(returns).map(|op| op.value).collect())
}
