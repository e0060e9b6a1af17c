// SPDX-License-Identifier: MIT OR Apache-2.0

//! Operations of the model, carried out by the driver.

use atomik_test_support::{
    model::{Answer, Entry, Op},
    raw::{Context, RawFile, accum, expect, load, read, set, swap},
};
use atomik_uapi::{BatchOp, OP_EXPECT, OP_READ, OP_SWAP};
use nix::errno::Errno;

/// Carries out an operation.
pub fn serve(file: &RawFile, op: &Op) -> Answer {
    let result = match op {
        Op::Create(contexts) => file.create(*contexts).map(Answer::Created),
        Op::Destroy { table } => file.destroy(*table).map(|()| Answer::Destroyed),
        Op::Single { table, entry } => single(file, *table, *entry).map(Answer::States),
        Op::Batch { table, entries } => batch(file, *table, entries),
        Op::Restore { table, contexts } => {
            let raw = contexts.iter().map(|context| Context {
                reference: context.reference,
                accumulator: context.accumulator,
            });
            let raw: Vec<_> = raw.collect();
            file.restore(*table, 0, &raw)
                .map(|()| Answer::States(vec![]))
        }
        Op::Consistent { .. } => panic!("a mapping serves this"),
        Op::Watch { .. } | Op::Changes { .. } => panic!("another descriptor serves this"),
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
        Entry::Expect { .. } | Entry::Set { .. } => panic!("a batch has these"),
    }
}

fn batch(file: &RawFile, table: u32, entries: &[Entry]) -> Result<Answer, Errno> {
    let in_batch = |entry: &Entry| match *entry {
        Entry::Load { addr, value } => load(addr, value),
        Entry::Accum { addr, delta } => accum(addr, delta),
        Entry::Read { addr } => read(addr),
        Entry::Swap { addr, new: 0 } => swap(addr),
        Entry::Swap { .. } => panic!("in a batch, SWAP keeps the state"),
        Entry::Expect { addr, state } => expect(addr, state),
        Entry::Set { addr, state } => set(addr, state),
    };
    let mut ops: Vec<BatchOp> = entries.iter().map(in_batch).collect();
    match file.batch(table, &mut ops) {
        Err(Errno::ECANCELED) => {
            let mut both = ops.iter().zip(entries.iter().map(in_batch));
            let entry = both.position(|(after, before)| {
                before.opcode == OP_EXPECT && before.value != after.value
            });
            let entry = entry.expect("a condition that tells the state found");
            let state = ops[entry].value;
            Ok(Answer::Canceled { entry, state })
        }
        result => result.map(|()| {
            let returns = |op: &&BatchOp| matches!(op.opcode, OP_READ | OP_SWAP);
            Answer::States(ops.iter().filter(returns).map(|op| op.value).collect())
        }),
    }
}
