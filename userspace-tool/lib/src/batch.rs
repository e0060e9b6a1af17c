// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Batch`]: operations that are applied as a whole.

use atomik_uapi::{BatchOp, MAX_BATCH, OP_ACCUM, OP_EXPECT, OP_LOAD, OP_READ, OP_SET, OP_SWAP};

use crate::{Error, Operation, Result};

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
/// With conditions it is a transaction: [`expect`](Self::expect) says which state a context must
/// have for any of the batch to be applied.
///
/// ```
/// use atomik::{Batch, Error, LocalTable};
///
/// let mut table = LocalTable::new(2)?; // or Device::open()?.create_table(2)?
/// let mut batch = Batch::new();
/// batch.expect(0, 0).set(0, 1).set(1, 7);
/// table.run(&mut batch)?;
/// assert_eq!(table.states(), [1, 7]);
/// let error = table.run(&mut batch).unwrap_err();
/// assert!(matches!(error, Error::Canceled { entry: 0, addr: 0, expected: 0, found: 1 }));
/// # Ok::<(), Error>(())
/// ```
///
/// A batch isn't bound to a table, and may be run again; [`clear`](Self::clear) makes it empty and
/// keeps its memory for the next. It takes 16 bytes an entry, and 8 more for each condition. More
/// than [`MAX_BATCH`] entries may be collected, but not run.
///
/// # Invariants
///
/// The opcode of every entry is one of the six, and its reserved bytes are zero. `expected` has the
/// state of each EXPECT, in order, and outside a run these are the values of the entries.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    ops: Vec<BatchOp>,
    /// The kernel overwrites the value of an EXPECT that doesn't hold.
    expected: Vec<u64>,
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
            expected: vec![],
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

    /// Adds an EXPECT, a condition: the context `addr` must have the state `state`, or nothing of
    /// the batch is applied and running it returns [`Error::Canceled`].
    ///
    /// All conditions are checked before the first entry, wherever they stand in the batch. A batch
    /// of conditions alone compares states of one moment. Programs that change the table through a
    /// mapping may come between a condition and what depends on it.
    pub fn expect(&mut self, addr: u32, state: u64) -> &mut Self {
        self.push(OP_EXPECT, addr, state);
        self.expected.push(state);
        self
    }

    /// Adds a SET: the state of the context `addr` becomes `state`, and its reference stays, as
    /// after an ACCUM of the difference.
    pub fn set(&mut self, addr: u32, state: u64) -> &mut Self {
        self.push(OP_SET, addr, state);
        self
    }

    /// Removes all entries, and keeps the memory. Earlier handles become invalid.
    pub fn clear(&mut self) {
        self.ops.clear();
        self.expected.clear();
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
        // INVARIANT: the callers above pass the six opcodes, and with EXPECT keep the state.
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

    /// The entries for the kernel, which writes their `value` and nothing else. Where it may have
    /// written into an EXPECT, [`take_unmet`](Self::take_unmet) is called next, so that the
    /// invariants hold.
    pub(crate) fn ops_mut(&mut self) -> &mut [BatchOp] {
        &mut self.ops
    }

    /// True where the kernel writes a state into this entry of a batch that it applies.
    pub(crate) fn returns(op: &BatchOp) -> bool {
        matches!(op.opcode, OP_READ | OP_SWAP)
    }

    /// True where there is a condition, into which the kernel writes if it doesn't hold.
    pub(crate) fn expects(&self) -> bool {
        !self.expected.is_empty()
    }

    /// The condition that the kernel has found not to hold, and written the state found into. The
    /// batch becomes as it was before. None where no EXPECT has been written.
    pub(crate) fn take_unmet(&mut self) -> Option<Error> {
        let conditions = (self.ops.iter_mut().enumerate()).filter(|(_, op)| op.opcode == OP_EXPECT);
        let mut unmet = None;
        for ((entry, op), &expected) in conditions.zip(&self.expected) {
            let found = std::mem::replace(&mut op.value, expected);
            if found != expected {
                unmet.get_or_insert(Error::Canceled {
                    entry,
                    addr: op.addr,
                    expected,
                    found,
                });
            }
        }
        unmet
    }

    /// The first operation that drivers before EXPECT and SET refuse.
    pub(crate) fn newer_operation(&self) -> Option<Operation> {
        self.ops.iter().find_map(|op| match op.opcode {
            OP_EXPECT => Some(Operation::Expect),
            OP_SET => Some(Operation::Set),
            _ => None,
        })
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
        batch.expect(7, 8).set(9, 10);
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
            entry(4, 7, 8),
            entry(5, 9, 10),
        ];
        assert_eq!(batch.ops(), expected);
    }

    /// A batch with two conditions on address 3.
    fn conditional() -> Batch {
        let mut batch = Batch::new();
        batch
            .set(1, 1)
            .expect(3, 5)
            .accum(3, 4)
            .expect(3, 6)
            .load(3, 7);
        batch
    }

    #[test]
    fn finds_the_condition_that_the_kernel_wrote_to_and_puts_it_back() {
        let before = conditional();
        for (written, wrote) in [(1, 9), (3, 5)] {
            let mut batch = before.clone();
            batch.ops_mut()[written].value = wrote;
            let Some(Error::Canceled {
                entry,
                addr: 3,
                expected,
                found,
            }) = batch.take_unmet()
            else {
                panic!();
            };
            assert_eq!((entry, found), (written, wrote));
            assert_eq!(expected, before.ops()[written].value);
            assert_eq!(batch.ops(), before.ops());
        }
        assert!(before.clone().take_unmet().is_none());
    }

    #[test]
    fn clear_forgets_conditions() {
        let mut batch = conditional();
        assert!(batch.expects());
        batch.clear();
        assert!(!batch.expects());
        batch.expect(0, 1);
        batch.ops_mut()[0].value = 2;
        let unmet = batch.take_unmet();
        assert!(matches!(unmet, Some(Error::Canceled { expected: 1, .. })));
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
