// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Batch`]: operations that are applied as a whole.

use atomik_uapi::{BatchOp, MAX_BATCH, OP_ACCUM, OP_LOAD, OP_READ, OP_SWAP};

use crate::{Error, Result};

/// Operations that [`TableRef::run`](crate::TableRef::run) applies in order, isolated from all
/// others, all or nothing.
///
/// ```
/// use atomik::Batch;
///
/// let mut batch = Batch::new();
/// batch.load(0, 5).accum(1, 7); // these return nothing, so calls can be chained
/// let state = batch.read(0); // this returns a state: keep the handle
/// # let _ = state;
/// assert_eq!(batch.len(), 3);
/// ```
///
/// A batch isn't bound to a table, and may be run again; [`clear`](Self::clear) makes it empty and
/// keeps its memory for the next. It takes 16 bytes an entry. More than
/// [`MAX_BATCH`] entries may be collected, but not run.
///
/// # Invariants
///
/// The opcode of every entry is one of the four, and its reserved bytes are zero.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    ops: Vec<BatchOp>,
}

/// A handle of a READ or SWAP in a [`Batch`], for
/// [`BatchResults::get`](crate::BatchResults::get). It is valid until the batch is cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BatchRead(pub(crate) usize);

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty batch with memory for `entries` entries, at most [`MAX_BATCH`].
    pub fn with_capacity(entries: usize) -> Self {
        Self {
            ops: Vec::with_capacity(entries.min(MAX_BATCH as usize)),
        }
    }

    /// Adds a LOAD of the context `addr` with `value`.
    pub fn load(&mut self, addr: u32, value: u64) -> &mut Self {
        self.push(OP_LOAD, addr, value);
        self
    }

    /// Adds an ACCUM of `delta` to the context `addr`.
    pub fn accum(&mut self, addr: u32, delta: u64) -> &mut Self {
        self.push(OP_ACCUM, addr, delta);
        self
    }

    /// Adds a READ of the context `addr`.
    pub fn read(&mut self, addr: u32) -> BatchRead {
        self.push(OP_READ, addr, 0)
    }

    /// Adds a SWAP of the context `addr`, which keeps the state. A [`load`](Self::load) right
    /// behind it starts the new epoch from another value.
    pub fn swap(&mut self, addr: u32) -> BatchRead {
        self.push(OP_SWAP, addr, 0)
    }

    /// Removes all entries, and keeps the memory. Earlier handles become invalid.
    pub fn clear(&mut self) {
        self.ops.clear();
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.ops.len()
    }

    /// True where there are no entries. Such a batch can't be run.
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    /// True where there are as many entries as can be run at once.
    pub fn is_full(&self) -> bool {
        self.ops.len() >= MAX_BATCH as usize
    }

    fn push(&mut self, opcode: u8, addr: u32, value: u64) -> BatchRead {
        // INVARIANT: the callers above pass the four opcodes.
        self.ops.push(BatchOp {
            opcode,
            reserved: [0; 3],
            addr,
            value,
        });
        BatchRead(self.ops.len() - 1)
    }

    pub(crate) fn ops(&self) -> &[BatchOp] {
        &self.ops
    }

    /// The entries for the kernel, which writes their `value` and nothing else, so that the
    /// invariants hold.
    pub(crate) fn ops_mut(&mut self) -> &mut [BatchOp] {
        &mut self.ops
    }

    /// True where the kernel writes a state into this entry.
    pub(crate) fn returns(op: &BatchOp) -> bool {
        matches!(op.opcode, OP_READ | OP_SWAP)
    }

    /// Refuses lengths that the kernel would refuse, with a reason.
    pub(crate) fn check_length(&self) -> Result<()> {
        match self.ops.len() {
            0 => Err(Error::BatchEmpty),
            entries if entries > MAX_BATCH as usize => Err(Error::BatchTooLong { entries }),
            _ => Ok(()),
        }
    }

    /// The entry that a table of `contexts` contexts refuses, and its address: the first that is
    /// out of range. Where the number isn't known, the one with the largest address, which is out
    /// of range if any is.
    pub(crate) fn wrong_address(&self, contexts: Option<u32>) -> Option<(usize, u32)> {
        let mut addresses = self.ops.iter().map(|op| op.addr).enumerate();
        match contexts {
            Some(contexts) => addresses.find(|&(_, addr)| addr >= contexts),
            None => addresses.max_by_key(|&(_, addr)| addr),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_the_entries_of_the_interface() {
        let mut batch = Batch::with_capacity(usize::MAX);
        batch.load(1, 2).accum(3, 4);
        let read = batch.read(5);
        let swap = batch.swap(6);
        assert_eq!((read, swap), (BatchRead(2), BatchRead(3)));
        let entry = |opcode, addr, value| BatchOp {
            opcode,
            reserved: [0; 3],
            addr,
            value,
        };
        let expected = [
            entry(0, 1, 2),
            entry(1, 3, 4),
            entry(2, 5, 0),
            entry(3, 6, 0),
        ];
        assert_eq!(batch.ops(), expected);
    }

    #[test]
    fn clear_keeps_the_memory() {
        let mut batch = Batch::new();
        for _ in 0..5000 {
            batch.accum(0, 0);
        }
        assert!(batch.is_full());
        let capacity = batch.ops.capacity();
        batch.clear();
        assert!(batch.is_empty() && !batch.is_full());
        assert_eq!(batch.ops.capacity(), capacity);
    }
}
