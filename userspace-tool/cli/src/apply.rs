// SPDX-License-Identifier: MIT OR Apache-2.0

//! Runs many operations on a table: one by itself, up to 4096 as a BATCH, more as several.

use std::ops::RangeInclusive;

use atomik::{Batch, MAX_BATCH, TableRef};

use crate::addresses::Addresses;
use crate::failure::Failure;
use crate::global::Global;
use crate::output::count;
use crate::script::Op;

impl Op {
    /// The number of its entries in a batch: a swap with a new reference has two.
    pub fn entries(self) -> usize {
        match self {
            Self::Swap { new: Some(_), .. } => 2,
            _ => 1,
        }
    }

    /// Adds its entries to a batch.
    pub fn push(self, batch: &mut Batch) {
        match self {
            Self::Load { addr, value } => drop(batch.load(addr, value)),
            Self::Accum { addr, delta } => drop(batch.accum(addr, delta)),
            Self::Set { addr, value } => drop(batch.set(addr, value)),
            Self::Read { addr } => drop(batch.read(addr)),
            Self::Swap { addr, new } => {
                batch.swap(addr);
                if let Some(new) = new {
                    batch.load(addr, new.get());
                }
            }
            Self::Expect { addr, value } => drop(batch.expect(addr, value)),
        }
    }

    /// Runs it by itself. Returns the state, if it returns one.
    pub fn alone(self, table: &TableRef) -> atomik::Result<Option<u64>> {
        match self {
            Self::Load { addr, value } => table.load(addr, value).map(|()| None),
            Self::Accum { addr, delta } => table.accum(addr, delta).map(|()| None),
            Self::Set { addr, value } => table.set(addr, value).map(|()| None),
            Self::Read { addr } => table.read(addr).map(Some),
            Self::Swap { addr, new: None } => table.swap(addr).map(Some),
            Self::Swap {
                addr,
                new: Some(new),
            } => table.swap_to(addr, new).map(Some),
            Self::Expect { addr, value } => table
                .submit(Batch::new().expect(addr, value))
                .map(|()| None),
        }
    }
}

/// Does all of `ops`, in order, and calls `returned` with the address and the state of each that
/// returns one. Each is one entry of a batch: none is a swap with a new reference.
pub fn apply(
    global: &Global,
    table: &TableRef,
    ops: &[Op],
    mut returned: impl FnMut(u32, u64) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if ops.is_empty() {
        return Ok(());
    }
    if let &[op] = ops {
        let state = op.alone(table).map_err(|e| Failure::of(&e))?;
        return state.map_or(Ok(()), |state| returned(op.addr(), state));
    }
    let max = MAX_BATCH as usize;
    if ops.len() > max {
        // Find a wrong address before the first batch.
        let contexts = table.size().map_err(|e| Failure::of(&e))?;
        if let Some(wrong) = ops.iter().find(|op| op.addr() >= contexts) {
            let error = atomik::Error::Address {
                table: table.id(),
                addr: wrong.addr(),
                contexts: Some(contexts),
                entry: None,
            };
            return Err(Failure::of(&error));
        }
        global.say(format_args!(
            "{} operations go in {}: each batch is isolated, but not all together",
            ops.len(),
            count(ops.len().div_ceil(max), "batch", "batches"),
        ));
    }
    let mut batch = Batch::with_capacity(ops.len());
    for (number, chunk) in ops.chunks(max).enumerate() {
        batch.clear();
        chunk.iter().for_each(|op| op.push(&mut batch));
        let results = table.run(&mut batch).map_err(|error| {
            let failure = Failure::of(&error);
            match number {
                0 => failure,
                _ => failure.with_hint(&format!("the first {} operations were done", number * max)),
            }
        })?;
        for result in results.iter() {
            returned(result.addr, result.state)?;
        }
    }
    Ok(())
}

/// The most contexts that one command line may name: the largest table 16 times.
const MOST: u64 = 1 << 20;

/// Resolves addresses and ranges in this table.
pub fn addresses(
    table: &TableRef,
    named: &[Addresses],
) -> Result<Vec<RangeInclusive<u32>>, Failure> {
    let mut contexts = u32::MAX;
    // Check ranges before they become lists: they can name more addresses than there are.
    let ranges = named.iter().any(|a| !a.is_single());
    if ranges {
        contexts = table.size().map_err(|e| Failure::of(&e))?;
    }
    let found: Vec<_> = named.iter().map(|a| a.within(contexts)).collect();
    let length = |range: &RangeInclusive<u32>| u64::from(range.end() - range.start()) + 1;
    match found
        .iter()
        .find(|range| ranges && *range.end() >= contexts)
    {
        Some(range) => Err(Failure::of(&atomik::Error::Address {
            table: table.id(),
            addr: *range.end(),
            contexts: Some(contexts),
            entry: None,
        })),
        None if found.iter().map(length).sum::<u64>() > MOST => Err(Failure::usage(&format!(
            "this names more than {MOST} contexts"
        ))
        .with_hint("`atomikctl batch` takes any number of operations")),
        None => Ok(found),
    }
}
