// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`BatchResults`]: the states that a batch returned.

use atomik_uapi::BatchOp;

use crate::{Batch, BatchRead, Error, Result};

/// The states that a batch's READs and SWAPs returned. They are stored in the batch.
#[derive(Clone, Copy, Debug)]
pub struct BatchResults<'b> {
    ops: &'b [BatchOp],
}

/// One of the [`BatchResults`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchResult {
    /// The entry's number in the batch, from 0, all entries counted.
    pub entry: usize,
    /// The context's address.
    pub addr: u32,
    /// The context's state at that point of the batch.
    pub state: u64,
}

impl<'b> BatchResults<'b> {
    pub(crate) fn new(ops: &'b [BatchOp]) -> Self {
        Self { ops }
    }

    /// The state that the READ or SWAP of this handle returned.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchResult`] where this batch has no READ or SWAP at that entry. A handle of
    /// another batch isn't noticed where this one has one there.
    pub fn get(&self, handle: BatchRead) -> Result<u64> {
        match self.ops.get(handle.0) {
            Some(op) if Batch::returns(op) => Ok(op.value),
            _ => Err(Error::NoSuchResult { entry: handle.0 }),
        }
    }

    /// The returned states with their entries, in order.
    pub fn iter(&self) -> impl Iterator<Item = BatchResult> + use<'b> {
        let returning = |(_, op): &(usize, &BatchOp)| Batch::returns(op);
        (self.ops.iter().enumerate().filter(returning)).map(|(entry, op)| BatchResult {
            entry,
            addr: op.addr,
            state: op.value,
        })
    }

    /// The returned states, in the order of the entries.
    pub fn states(&self) -> impl Iterator<Item = u64> + use<'b> {
        self.iter().map(|result| result.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A batch in which the kernel would have written 100 + address.
    fn answered() -> (Batch, BatchRead, BatchRead) {
        let mut batch = Batch::new();
        batch.load(1, 2);
        let read = batch.read(5);
        batch.accum(3, 4);
        let swap = batch.swap(6);
        for op in batch.ops_mut().iter_mut().filter(|op| Batch::returns(op)) {
            op.value = 100 + u64::from(op.addr);
        }
        (batch, read, swap)
    }

    #[test]
    fn finds_states_by_handle() {
        let (batch, read, swap) = answered();
        let results = BatchResults::new(batch.ops());
        assert_eq!(results.get(read).unwrap(), 105);
        assert_eq!(results.get(swap).unwrap(), 106);
        for entry in [0, 2, 4, usize::MAX] {
            let error = results.get(BatchRead(entry)).unwrap_err();
            assert!(matches!(error, Error::NoSuchResult { entry: e } if e == entry));
        }
    }

    #[test]
    fn iterates_over_what_was_returned() {
        let (batch, ..) = answered();
        let results = BatchResults::new(batch.ops());
        let entries: Vec<_> = results.iter().map(|r| (r.entry, r.addr)).collect();
        assert_eq!(entries, [(1, 5), (3, 6)]);
        assert!(results.states().eq([105, 106]));
    }
}
