// SPDX-License-Identifier: MIT OR Apache-2.0
//! Contexts in a table that others use, too.

use core::cell::RefCell;
use core::fmt;

use atomik_crate::{Batch, BatchResults, Error, LocalTable, MAX_ATTEMPTS, Result, TableRef};

use crate::store::{Batches, Operation, Storage, accums};
use crate::value::Words;

/// A table that objects lie in: one of the device, or, where no device is, of this process.
pub trait Table {
    /// Runs a batch isolated from all others: all of its operations, or none.
    ///
    /// # Errors
    ///
    /// Those of [`TableRef::run`].
    fn run<'b>(&self, batch: &'b mut Batch) -> Result<BatchResults<'b>>;
}

impl Table for TableRef {
    fn run<'b>(&self, batch: &'b mut Batch) -> Result<BatchResults<'b>> {
        self.run(batch)
    }
}

impl Table for atomik_crate::Table {
    fn run<'b>(&self, batch: &'b mut Batch) -> Result<BatchResults<'b>> {
        TableRef::run(self, batch)
    }
}

impl Table for RefCell<LocalTable> {
    fn run<'b>(&self, batch: &'b mut Batch) -> Result<BatchResults<'b>> {
        self.borrow_mut().run(batch)
    }
}

/// Contexts of a table, from one of them on. What others do at the same time is neither lost nor
/// seen half done. An object whose operations need more than
/// [`MAX_BATCH`](atomik_crate::MAX_BATCH) entries gets [`Error::BatchTooLong`].
pub struct On<'t, T: ?Sized = TableRef> {
    table: &'t T,
    first: u32,
}

impl<T: ?Sized> fmt::Debug for On<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("On");
        debug.field("first", &self.first).finish_non_exhaustive()
    }
}

impl<'t, T: Table + ?Sized> On<'t, T> {
    /// Number `index` of the objects of `count` contexts each.
    pub(crate) fn new(table: &'t T, index: u32, count: u32) -> Result<Self> {
        let first = index.saturating_mul(count);
        // The address of a number that is too large is outside every table.
        let mut batch = Batch::new();
        batch.read(first.saturating_add(count - 1));
        table.run(&mut batch)?;
        Ok(Self { table, first })
    }

    fn submit(
        &self,
        operations: impl Iterator<Item = Operation>,
        states: &mut [u64],
    ) -> Result<()> {
        let mut batch = Batch::new();
        let addr = |at: usize| self.first + at as u32;
        for operation in operations {
            match operation {
                Operation::Load(at, value) => _ = batch.load(addr(at), value),
                Operation::Accum(at, delta) => _ = batch.accum(addr(at), delta),
                Operation::Swap(at) => _ = batch.swap(addr(at)),
                Operation::Expect(at, state) => _ = batch.expect(addr(at), state),
                Operation::Set(at, state) => {
                    batch.read(addr(at));
                    batch.set(addr(at), state);
                }
            }
        }
        if batch.is_empty() {
            return Ok(());
        }
        self.fill(&mut batch, states)
    }

    /// Runs a batch, and puts the states that it returns into `states`.
    fn fill(&self, batch: &mut Batch, states: &mut [u64]) -> Result<()> {
        let results = self.table.run(batch)?;
        for (state, found) in states.iter_mut().zip(results.states()) {
            *state = found;
        }
        Ok(())
    }
}

impl<T: Table + ?Sized> Storage for On<'_, T> {
    type Result<V> = Result<V>;

    fn give<V>(result: Result<V>) -> Result<V> {
        result
    }
}

impl<T: Table + ?Sized> Batches for On<'_, T> {
    type Error = Error;

    fn read(&self, first: usize, states: &mut [u64]) -> Result<()> {
        let mut batch = Batch::with_capacity(states.len());
        for at in 0..states.len() {
            batch.read(self.first + (first + at) as u32);
        }
        self.fill(&mut batch, states)
    }

    fn run(
        &mut self,
        operations: impl Iterator<Item = Operation> + Clone,
        states: &mut [u64],
    ) -> Result<bool> {
        match self.submit(operations, states) {
            Ok(()) => Ok(true),
            Err(Error::Canceled { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn change(
        &mut self,
        first: usize,
        states: &mut [u64],
        mut delta: impl FnMut(&[u64]) -> Words,
    ) -> Result<Words> {
        let mut changed = 0;
        for _ in 0..MAX_ATTEMPTS {
            self.read(first, states)?;
            let delta = delta(states);
            let expects = (first..).zip(&*states);
            let expects = expects.map(|(at, &state)| Operation::Expect(at, state));
            let accums = accums(first, states.len(), delta);
            match self.submit(expects.chain(accums), &mut []) {
                Ok(()) => return Ok(delta),
                Err(Error::Canceled { addr, .. }) => changed = addr,
                Err(error) => return Err(error),
            }
        }
        Err(Error::Contended {
            addr: changed,
            attempts: MAX_ATTEMPTS,
        })
    }
}
