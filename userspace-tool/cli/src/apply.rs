// SPDX-License-Identifier: MIT OR Apache-2.0

//! Runs many operations on a table: one by itself, up to 4096 as a BATCH, more as several.

use std::ops::RangeInclusive;

use atomik::{Batch, MAX_BATCH, TableRef};

use crate::addresses::Addresses;
use crate::failure::Failure;
use crate::global::Global;
use crate::output::count;

/// One entry of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    Load { addr: u32, value: u64 },
    Accum { addr: u32, delta: u64 },
    Read { addr: u32 },
    Swap { addr: u32 },
}

impl Entry {
    pub fn push(self, batch: &mut Batch) {
        match self {
            Self::Load { addr, value } => drop(batch.load(addr, value)),
            Self::Accum { addr, delta } => drop(batch.accum(addr, delta)),
            Self::Read { addr } => drop(batch.read(addr)),
            Self::Swap { addr } => drop(batch.swap(addr)),
        }
    }

    fn addr(self) -> u32 {
        match self {
            Self::Load { addr, .. }
            | Self::Accum { addr, .. }
            | Self::Read { addr }
            | Self::Swap { addr } => addr,
        }
    }

    /// Runs it by itself. Returns the state, if it returns one.
    fn alone(self, table: &TableRef) -> atomik::Result<Option<u64>> {
        match self {
            Self::Load { addr, value } => table.load(addr, value).map(|()| None),
            Self::Accum { addr, delta } => table.accum(addr, delta).map(|()| None),
            Self::Read { addr } => table.read(addr).map(Some),
            Self::Swap { addr } => table.swap(addr).map(Some),
        }
    }
}

/// Does all of `entries`, in order, and calls `returned` with the address and the state of each
/// that returns one.
pub fn apply(
    global: &Global,
    table: &TableRef,
    entries: &[Entry],
    mut returned: impl FnMut(u32, u64) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if entries.is_empty() {
        return Ok(());
    }
    if let &[entry] = entries {
        let state = entry.alone(table).map_err(|e| Failure::of(&e))?;
        return state.map_or(Ok(()), |state| returned(entry.addr(), state));
    }
    let max = MAX_BATCH as usize;
    if entries.len() > max {
        // Find a wrong address before the first batch.
        let contexts = table.size().map_err(|e| Failure::of(&e))?;
        if let Some(wrong) = entries.iter().find(|entry| entry.addr() >= contexts) {
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
            entries.len(),
            count(entries.len().div_ceil(max), "batch", "batches"),
        ));
    }
    let mut batch = Batch::with_capacity(entries.len());
    for (number, chunk) in entries.chunks(max).enumerate() {
        batch.clear();
        chunk.iter().for_each(|entry| entry.push(&mut batch));
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
