// SPDX-License-Identifier: GPL-2.0

//! Short names for operations on the first table of a file.

use atomik_linearizability::{Entry, Op};

/// The first table of a file.
pub const TABLE: u32 = 1;

pub fn load(addr: u32, value: u64) -> Op {
    single(Entry::Load { addr, value })
}

pub fn accum(addr: u32, delta: u64) -> Op {
    single(Entry::Accum { addr, delta })
}

pub fn read(addr: u32) -> Op {
    single(Entry::Read { addr })
}

pub fn swap(addr: u32, new: u64) -> Op {
    single(Entry::Swap { addr, new })
}

/// An entry for [`batch`] only.
pub fn expect(addr: u32, state: u64) -> Op {
    single(Entry::Expect { addr, state })
}

/// An entry for [`batch`] only.
pub fn set(addr: u32, state: u64) -> Op {
    single(Entry::Set { addr, state })
}

fn single(entry: Entry) -> Op {
    Op::Single {
        table: TABLE,
        entry,
    }
}

/// A batch of what would be single operations.
pub fn batch<const N: usize>(ops: [Op; N]) -> Op {
    let entry = |op| match op {
        Op::Single { entry, .. } => entry,
        op => panic!("no entry of a batch: {op:?}"),
    };
    Op::Batch {
        table: TABLE,
        entries: ops.map(entry).to_vec(),
    }
}

pub fn destroy() -> Op {
    Op::Destroy { table: TABLE }
}

/// A table of two contexts, with a reference and an accumulator in the first.
pub fn table() -> Vec<Op> {
    vec![Op::Create(2), load(0, 0x10), accum(0, 0x20)]
}
