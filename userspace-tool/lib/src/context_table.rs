// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`ContextTable`]: the trait of tables, in the kernel and in this process.

use std::ops::Range;

#[cfg(doc)]
use crate::Error;
#[cfg(doc)]
use crate::LocalError;
use crate::local::check_u64;
use crate::{
    Batch, BatchResults, LocalContext, LocalTable, Result, Table, TableRef, Value, Watch,
    transaction,
};

/// A table of contexts, wherever it is: the device's [`Table`] and [`TableRef`], and the
/// [`LocalTable`] of this process. Code written for the trait serves both.
///
/// ```
/// use atomik::{ContextTable, LocalTable, Result};
///
/// /// Moves a state from one context to another.
/// fn transfer(table: &mut impl ContextTable, from: u32, to: u32) -> Result<()> {
///     let state = table.swap_with(from, 0)?;
///     table.load(to, state)
/// }
///
/// let mut table = LocalTable::new(256)?; // or Device::open()?.create_table(256)?
/// table.load(3, 7)?;
/// transfer(&mut table, 3, 4)?;
/// assert_eq!((table.read(3)?, table.read(4)?), (0, 7));
/// # Ok::<(), atomik::Error>(())
/// ```
///
/// A context's address is its number, from 0. All operations may return [`Error::Address`], and
/// change nothing then; on the device also [`Error::NoSuchTable`], and [`Error::ReadOnly`].
///
/// The methods of `u64` are for widths up to 64 bits, which the device's tables have: beyond, a
/// value that comes in has zeros above, and what would return a state is [`LocalError::TooWide`].
/// Those with `value` in their names serve any width; they take 64-bit limbs, the lowest first.
///
/// Operations that change a context take `&mut self`, as a table of this process needs it. Where
/// the trait is in scope, a [`Table`] has to be declared `mut`; a [`TableRef`] has methods of its
/// own that do without.
///
/// The trait can be made into an object: with `Box<dyn ContextTable>` the program chooses while it
/// runs.
pub trait ContextTable {
    /// The number of contexts.
    ///
    /// # Errors
    ///
    /// Those of [`TableRef::size`].
    fn size(&self) -> Result<u32>;

    /// The width of the contexts, in bits.
    fn width(&self) -> u32;

    /// LOAD of any width: the reference becomes `value` and the accumulator 0.
    ///
    /// # Errors
    ///
    /// See [`ContextTable`].
    fn load_value(&mut self, addr: u32, value: &[u64]) -> Result<()>;

    /// ACCUM of any width: the state is XORed with `delta`. The same delta again undoes it.
    ///
    /// # Errors
    ///
    /// See [`ContextTable`].
    fn accum_value(&mut self, addr: u32, delta: &[u64]) -> Result<()>;

    /// READ of any width: returns the state.
    ///
    /// # Errors
    ///
    /// See [`ContextTable`].
    fn read_value(&self, addr: u32) -> Result<Value>;

    /// SWAP of any width: starts a new epoch from the present state, and returns that state.
    ///
    /// # Errors
    ///
    /// See [`ContextTable`].
    fn swap_value(&mut self, addr: u32) -> Result<Value>;

    /// SWAP of any width: starts a new epoch from `new_reference`, which may be 0, and returns the
    /// state that ended the old one.
    ///
    /// # Errors
    ///
    /// See [`ContextTable`].
    fn swap_value_with(&mut self, addr: u32, new_reference: &[u64]) -> Result<Value>;

    /// SET of any width: the state becomes `state`, and the reference stays.
    ///
    /// # Errors
    ///
    /// See [`ContextTable`]; [`Error::Unsupported`] with an older driver.
    fn set_value(&mut self, addr: u32, state: &[u64]) -> Result<()>;

    /// Sets the state to `new` if it is `current`, of any width: `Ok` with the state before, or
    /// `Err` with the state found.
    ///
    /// # Errors
    ///
    /// See [`ContextTable`]; [`Error::Unsupported`] with an older driver.
    fn compare_exchange_value(
        &mut self,
        addr: u32,
        current: &[u64],
        new: &[u64],
    ) -> Result<Result<Value, Value>>;

    /// Runs a batch: its operations in order, all of them or none. Returns the states that its
    /// READs and SWAPs returned.
    ///
    /// # Errors
    ///
    /// [`Error::Canceled`] where a condition doesn't hold, [`Error::BatchEmpty`],
    /// [`Error::BatchTooLong`], and see [`ContextTable`]. Nothing has been applied then.
    fn run<'b>(&mut self, batch: &'b mut Batch) -> Result<BatchResults<'b>>;

    /// Runs a batch that returns nothing.
    ///
    /// # Errors
    ///
    /// [`Error::BatchReturns`] where it would return something, and those of [`run`](Self::run).
    fn submit(&mut self, batch: &Batch) -> Result<()>;

    /// ACCUMs many deltas, as many as there are addresses. All addresses are checked before the
    /// first delta is applied. On the device this is one batch for each
    /// [`MAX_BATCH`](crate::MAX_BATCH) deltas, each isolated by itself.
    ///
    /// # Errors
    ///
    /// [`LocalError::Lengths`], and see [`ContextTable`]: [`Error::Address`] names the entry.
    fn accum_many(&mut self, addrs: &[u32], deltas: &[u64]) -> Result<()>;

    /// LOADs many contexts, in order, as [`accum_many`](Self::accum_many) does with deltas.
    ///
    /// # Errors
    ///
    /// Those of [`accum_many`](Self::accum_many).
    fn load_many(&mut self, addrs: &[u32], values: &[u64]) -> Result<()>;

    /// READs many contexts into `states`, as [`TableRef::read_many`] does. Contexts of any width
    /// take [limbs](LocalTable::limbs) words each, here and in the two above.
    ///
    /// # Errors
    ///
    /// Those of [`accum_many`](Self::accum_many). `states` means nothing then.
    fn read_many(&self, addrs: &[u32], states: &mut [u64]) -> Result<()>;

    /// Both words of a context, at one moment.
    ///
    /// # Errors
    ///
    /// See [`ContextTable`].
    fn context(&self, addr: u32) -> Result<LocalContext>;

    /// The states that aren't 0, by address, all as they are at one moment.
    ///
    /// # Errors
    ///
    /// Those of [`TableRef::snapshot`].
    fn nonzero(&self) -> Result<Vec<(u32, Value)>>;

    /// Watches the contexts of `range`, as [`TableRef::watch`] does.
    ///
    /// # Errors
    ///
    /// Those of [`TableRef::watch`], [`LocalError::TooWide`].
    fn watch(&self, range: Range<u32>) -> Result<Watch>;

    /// LOAD of a `u64`, see [`load_value`](Self::load_value).
    ///
    /// # Errors
    ///
    /// See [`ContextTable`].
    fn load(&mut self, addr: u32, value: u64) -> Result<()> {
        self.load_value(addr, &[value])
    }

    /// ACCUM of a `u64`, see [`accum_value`](Self::accum_value).
    ///
    /// # Errors
    ///
    /// See [`ContextTable`].
    fn accum(&mut self, addr: u32, delta: u64) -> Result<()> {
        self.accum_value(addr, &[delta])
    }

    /// READ of a `u64`, see [`read_value`](Self::read_value).
    ///
    /// # Errors
    ///
    /// See [`ContextTable`].
    fn read(&self, addr: u32) -> Result<u64> {
        check_u64(self.width())?;
        Ok(lowest(self.read_value(addr)?.limbs()))
    }

    /// SWAP of a `u64`, see [`swap_value`](Self::swap_value).
    ///
    /// # Errors
    ///
    /// See [`ContextTable`].
    fn swap(&mut self, addr: u32) -> Result<u64> {
        check_u64(self.width())?;
        Ok(lowest(self.swap_value(addr)?.limbs()))
    }

    /// SWAP of a `u64`, see [`swap_value_with`](Self::swap_value_with).
    ///
    /// # Errors
    ///
    /// See [`ContextTable`].
    fn swap_with(&mut self, addr: u32, new_reference: u64) -> Result<u64> {
        check_u64(self.width())?;
        let state = self.swap_value_with(addr, &[new_reference])?;
        Ok(lowest(state.limbs()))
    }

    /// SET of a `u64`, see [`set_value`](Self::set_value).
    ///
    /// # Errors
    ///
    /// See [`ContextTable`]; [`Error::Unsupported`] with an older driver.
    fn set(&mut self, addr: u32, state: u64) -> Result<()> {
        self.set_value(addr, &[state])
    }

    /// Sets the state to `new` if it is `current`: `Ok` with the state before, or `Err` with the
    /// state found.
    ///
    /// # Errors
    ///
    /// See [`ContextTable`]; [`Error::Unsupported`] with an older driver.
    fn compare_exchange(&mut self, addr: u32, current: u64, new: u64) -> Result<Result<u64, u64>> {
        check_u64(self.width())?;
        let state = self.compare_exchange_value(addr, &[current], &[new])?;
        let number = |state: Value| lowest(state.limbs());
        Ok(state.map(number).map_err(number))
    }

    /// Changes the state to what `f` makes of it, and returns the state before, as
    /// [`TableRef::update`] does.
    ///
    /// # Errors
    ///
    /// Those of [`TableRef::update`].
    fn update(&mut self, addr: u32, f: &mut dyn FnMut(u64) -> u64) -> Result<u64> {
        let state = self.read(addr)?;
        transaction::update(addr, state, f, |current, new| {
            self.compare_exchange(addr, current, new)
        })
    }

    /// Changes the states at `addrs` as `f` does, all as one, as [`TableRef::transact`] does. What
    /// `f` finds out it keeps in variables outside.
    ///
    /// ```
    /// use atomik::{ContextTable, LocalTable, Result};
    ///
    /// /// Moves up to `most` from one account to another, and returns how much.
    /// fn transfer(table: &mut dyn ContextTable, from: u32, to: u32, most: u64) -> Result<u64> {
    ///     let mut moved = 0;
    ///     table.transact(&[from, to], &mut |accounts| {
    ///         moved = most.min(accounts[0]);
    ///         accounts[0] -= moved;
    ///         accounts[1] += moved;
    ///     })?;
    ///     Ok(moved)
    /// }
    ///
    /// let mut table = LocalTable::new(2)?;
    /// table.set(0, 15)?;
    /// assert_eq!(transfer(&mut table, 0, 1, 10)?, 10);
    /// assert_eq!(transfer(&mut table, 0, 1, 10)?, 5);
    /// # Ok::<(), atomik::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`TableRef::transact`], [`LocalError::TooWide`].
    fn transact(&mut self, addrs: &[u32], f: &mut dyn FnMut(&mut [u64])) -> Result<()> {
        transaction::transact(addrs, f, |batch| self.run(batch))
    }
}

impl ContextTable for LocalTable {
    fn size(&self) -> Result<u32> {
        Ok(self.size())
    }

    fn width(&self) -> u32 {
        self.width()
    }

    fn load_value(&mut self, addr: u32, value: &[u64]) -> Result<()> {
        self.load_value(addr, value)
    }

    fn accum_value(&mut self, addr: u32, delta: &[u64]) -> Result<()> {
        self.accum_value(addr, delta)
    }

    fn read_value(&self, addr: u32) -> Result<Value> {
        self.read_value(addr)
    }

    fn swap_value(&mut self, addr: u32) -> Result<Value> {
        self.swap_value(addr)
    }

    fn swap_value_with(&mut self, addr: u32, new_reference: &[u64]) -> Result<Value> {
        self.swap_value_with(addr, new_reference)
    }

    fn set_value(&mut self, addr: u32, state: &[u64]) -> Result<()> {
        self.set_value(addr, state)
    }

    fn compare_exchange_value(
        &mut self,
        addr: u32,
        current: &[u64],
        new: &[u64],
    ) -> Result<Result<Value, Value>> {
        self.compare_exchange_value(addr, current, new)
    }

    fn run<'b>(&mut self, batch: &'b mut Batch) -> Result<BatchResults<'b>> {
        self.run(batch)
    }

    fn submit(&mut self, batch: &Batch) -> Result<()> {
        self.submit(batch)
    }

    fn accum_many(&mut self, addrs: &[u32], deltas: &[u64]) -> Result<()> {
        self.accum_many(addrs, deltas)
    }

    fn load_many(&mut self, addrs: &[u32], values: &[u64]) -> Result<()> {
        self.load_many(addrs, values)
    }

    fn read_many(&self, addrs: &[u32], states: &mut [u64]) -> Result<()> {
        self.read_many(addrs, states)
    }

    fn context(&self, addr: u32) -> Result<LocalContext> {
        self.context(addr)
    }

    fn nonzero(&self) -> Result<Vec<(u32, Value)>> {
        let width = self.width();
        let value = |(addr, limbs)| Ok((addr, Value::new(width, limbs)?));
        self.nonzero().map(value).collect()
    }

    fn watch(&self, range: Range<u32>) -> Result<Watch> {
        self.watch(range)
    }
}

/// Implements the trait for the device's types, which have the methods of [`TableRef`].
macro_rules! device_table {
    ($table:ty) => {
        impl ContextTable for $table {
            fn size(&self) -> Result<u32> {
                TableRef::size(self)
            }

            fn width(&self) -> u32 {
                u64::BITS
            }

            fn load_value(&mut self, addr: u32, value: &[u64]) -> Result<()> {
                TableRef::load(self, addr, lowest(value))
            }

            fn accum_value(&mut self, addr: u32, delta: &[u64]) -> Result<()> {
                TableRef::accum(self, addr, lowest(delta))
            }

            fn read_value(&self, addr: u32) -> Result<Value> {
                TableRef::read(self, addr).map(Value::from)
            }

            fn swap_value(&mut self, addr: u32) -> Result<Value> {
                TableRef::swap(self, addr).map(Value::from)
            }

            fn swap_value_with(&mut self, addr: u32, new_reference: &[u64]) -> Result<Value> {
                TableRef::swap_with(self, addr, lowest(new_reference)).map(Value::from)
            }

            fn set_value(&mut self, addr: u32, state: &[u64]) -> Result<()> {
                TableRef::set(self, addr, lowest(state))
            }

            fn compare_exchange_value(
                &mut self,
                addr: u32,
                current: &[u64],
                new: &[u64],
            ) -> Result<Result<Value, Value>> {
                let (current, new) = (lowest(current), lowest(new));
                let state = TableRef::compare_exchange(self, addr, current, new)?;
                Ok(state.map(Value::from).map_err(Value::from))
            }

            fn run<'b>(&mut self, batch: &'b mut Batch) -> Result<BatchResults<'b>> {
                TableRef::run(self, batch)
            }

            fn submit(&mut self, batch: &Batch) -> Result<()> {
                TableRef::submit(self, batch)
            }

            fn accum_many(&mut self, addrs: &[u32], deltas: &[u64]) -> Result<()> {
                TableRef::accum_many(self, addrs, deltas)
            }

            fn load_many(&mut self, addrs: &[u32], values: &[u64]) -> Result<()> {
                TableRef::load_many(self, addrs, values)
            }

            fn read_many(&self, addrs: &[u32], states: &mut [u64]) -> Result<()> {
                TableRef::read_many(self, addrs, states)
            }

            fn context(&self, addr: u32) -> Result<LocalContext> {
                TableRef::context(self, addr).map(LocalContext::from)
            }

            fn nonzero(&self) -> Result<Vec<(u32, Value)>> {
                let contexts = self.snapshot(0..TableRef::size(self)?)?;
                let states = (0..).zip(contexts.iter().map(|context| context.state()));
                let nonzero = states.filter(|&(_, state)| state != 0);
                Ok(nonzero.map(|(addr, state)| (addr, state.into())).collect())
            }

            fn watch(&self, range: Range<u32>) -> Result<Watch> {
                TableRef::watch(self, range)
            }
        }
    };
}

device_table!(TableRef);
device_table!(Table);

/// The lowest 64 bits of a value.
fn lowest(limbs: &[u64]) -> u64 {
    limbs.first().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Error, LocalError};

    /// Results of the trait's own methods, which those of a known type would hide.
    fn results(table: &mut dyn ContextTable) -> [Result<u64>; 5] {
        [
            table.load(1, 7).map(|()| 0),
            table.accum(1, 1).map(|()| 0),
            table.read(1),
            table.swap(1),
            table.swap_with(1, 5),
        ]
    }

    #[test]
    fn numbers_are_values_of_one_word() {
        let mut table = LocalTable::with_width(2, 64).unwrap();
        let found = results(&mut table).map(Result::unwrap);
        assert_eq!(found, [0, 0, 6, 6, 6]);
        assert_eq!(table.read(1).unwrap(), 5);
        let any: &mut dyn ContextTable = &mut table;
        assert_eq!(any.compare_exchange(1, 5, 6).unwrap(), Ok(5));
        assert_eq!(any.compare_exchange(1, 5, 7).unwrap(), Err(6));
        assert_eq!(any.update(1, &mut |state| state + 3).unwrap(), 6);
        any.set(0, 1).unwrap();
        any.transact(&[0, 1], &mut |states| states.swap(0, 1))
            .unwrap();
        assert_eq!(table.states(), [9, 1]);
    }

    #[test]
    fn wide_states_are_no_numbers_and_stay() {
        let mut table = LocalTable::with_width(2, 65).unwrap();
        let [loaded, accumulated, rest @ ..] = results(&mut table);
        assert!(loaded.is_ok() && accumulated.is_ok());
        for result in rest {
            assert!(matches!(
                result,
                Err(Error::Local(LocalError::TooWide { width: 65 }))
            ));
        }
        let context = table.context(1).unwrap();
        assert_eq!(*context.reference(), 7);
        assert_eq!(context.accumulator(), 1);
    }
}
