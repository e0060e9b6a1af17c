// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`ContextTable`]: what a table in the kernel and one in this process have in common.

#[cfg(doc)]
use crate::Error;
use crate::{Batch, BatchResults, LocalContext, LocalTable, Result, Table, TableRef, Value};

/// A table of contexts, wherever it is: the device's [`Table`] and [`TableRef`], and the
/// [`LocalTable`] of this process. What is written against this serves both.
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
/// change nothing then; on the device also [`Error::NoSuchTable`], and [`Error::ReadOnly`]. The
/// methods of `u64` are for widths up to 64 bits, which the device's tables have: beyond, a value
/// that comes in has zeros above, and what would return a state is [`Error::TooWide`]. Those with
/// `value` in their names serve any width; they take 64-bit limbs, the lowest first.
///
/// What changes a context takes `&mut self`, as a table of this process needs it. Where the trait is
/// in scope, a [`Table`] is to be declared `mut`; a [`TableRef`] has methods of its own that do
/// without.
///
/// The trait can be made into an object: `Box<dyn ContextTable>` leaves the choice to the run.
pub trait ContextTable {
    /// The number of contexts.
    ///
    /// # Errors
    ///
    /// Those of [`TableRef::size`].
    fn size(&self) -> Result<u32>;

    /// The width of the contexts, in bits.
    fn width(&self) -> u32;

    /// LOAD: the reference becomes `value` and the accumulator 0.
    ///
    /// # Errors
    ///
    /// See [`ContextTable`].
    fn load(&mut self, addr: u32, value: u64) -> Result<()>;

    /// ACCUM: the state is XORed with `delta`. The same delta again undoes it.
    ///
    /// # Errors
    ///
    /// See [`ContextTable`].
    fn accum(&mut self, addr: u32, delta: u64) -> Result<()>;

    /// READ: returns the state.
    ///
    /// # Errors
    ///
    /// See [`ContextTable`].
    fn read(&self, addr: u32) -> Result<u64>;

    /// SWAP: starts a new epoch from the present state, and returns that state.
    ///
    /// # Errors
    ///
    /// See [`ContextTable`].
    fn swap(&mut self, addr: u32) -> Result<u64>;

    /// SWAP: starts a new epoch from `new_reference`, which may be 0, and returns the state that
    /// ended the old one.
    ///
    /// # Errors
    ///
    /// See [`ContextTable`].
    fn swap_with(&mut self, addr: u32, new_reference: u64) -> Result<u64>;

    /// Runs a batch: its operations in order, all of them or none. Returns what its READs and SWAPs
    /// returned.
    ///
    /// # Errors
    ///
    /// [`Error::BatchEmpty`], [`Error::BatchTooLong`], and see [`ContextTable`]. Nothing has been
    /// applied then.
    fn run<'b>(&mut self, batch: &'b mut Batch) -> Result<BatchResults<'b>>;

    /// Runs a batch that returns nothing.
    ///
    /// # Errors
    ///
    /// [`Error::BatchReturns`] where it would return something, and those of [`run`](Self::run).
    fn submit(&mut self, batch: &Batch) -> Result<()>;

    /// ACCUMs many deltas, as many as there are addresses. All addresses are looked at before the first
    /// delta is applied. On the device this is one batch for each [`MAX_BATCH`](crate::MAX_BATCH) of them,
    /// isolated each on its own.
    ///
    /// # Errors
    ///
    /// [`Error::Lengths`], and see [`ContextTable`]: [`Error::Address`] names the entry.
    fn accum_many(&mut self, addrs: &[u32], deltas: &[u64]) -> Result<()>;

    /// LOAD of any width.
    ///
    /// # Errors
    ///
    /// See [`ContextTable`].
    fn load_value(&mut self, addr: u32, value: &[u64]) -> Result<()>;

    /// ACCUM of any width.
    ///
    /// # Errors
    ///
    /// See [`ContextTable`].
    fn accum_value(&mut self, addr: u32, delta: &[u64]) -> Result<()>;

    /// READ of any width.
    ///
    /// # Errors
    ///
    /// See [`ContextTable`].
    fn read_value(&self, addr: u32) -> Result<Value>;

    /// SWAP of any width, which keeps the state.
    ///
    /// # Errors
    ///
    /// See [`ContextTable`].
    fn swap_value(&mut self, addr: u32) -> Result<Value>;

    /// SWAP of any width, which starts the new epoch from `new_reference`.
    ///
    /// # Errors
    ///
    /// See [`ContextTable`].
    fn swap_value_with(&mut self, addr: u32, new_reference: &[u64]) -> Result<Value>;

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
}

impl ContextTable for LocalTable {
    fn size(&self) -> Result<u32> {
        Ok(self.size())
    }

    fn width(&self) -> u32 {
        self.width()
    }

    fn load(&mut self, addr: u32, value: u64) -> Result<()> {
        self.load(addr, value)
    }

    fn accum(&mut self, addr: u32, delta: u64) -> Result<()> {
        self.accum(addr, delta)
    }

    fn read(&self, addr: u32) -> Result<u64> {
        self.read(addr)
    }

    fn swap(&mut self, addr: u32) -> Result<u64> {
        self.swap(addr)
    }

    fn swap_with(&mut self, addr: u32, new_reference: u64) -> Result<u64> {
        self.swap_with(addr, new_reference)
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

    fn context(&self, addr: u32) -> Result<LocalContext> {
        self.context(addr)
    }

    fn nonzero(&self) -> Result<Vec<(u32, Value)>> {
        let width = self.width();
        let value = |(addr, limbs)| Ok((addr, Value::new(width, limbs)?));
        self.nonzero().map(value).collect()
    }
}

/// The device's: both have the methods of [`TableRef`].
macro_rules! device_table {
    ($table:ty) => {
        impl ContextTable for $table {
            fn size(&self) -> Result<u32> {
                TableRef::size(self)
            }

            fn width(&self) -> u32 {
                u64::BITS
            }

            fn load(&mut self, addr: u32, value: u64) -> Result<()> {
                TableRef::load(self, addr, value)
            }

            fn accum(&mut self, addr: u32, delta: u64) -> Result<()> {
                TableRef::accum(self, addr, delta)
            }

            fn read(&self, addr: u32) -> Result<u64> {
                TableRef::read(self, addr)
            }

            fn swap(&mut self, addr: u32) -> Result<u64> {
                TableRef::swap(self, addr)
            }

            fn swap_with(&mut self, addr: u32, new_reference: u64) -> Result<u64> {
                TableRef::swap_with(self, addr, new_reference)
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

            fn load_value(&mut self, addr: u32, value: &[u64]) -> Result<()> {
                TableRef::load(self, addr, lowest(value))
            }

            fn accum_value(&mut self, addr: u32, delta: &[u64]) -> Result<()> {
                TableRef::accum(self, addr, lowest(delta))
            }

            fn read_value(&self, addr: u32) -> Result<Value> {
                Value::new(u64::BITS, TableRef::read(self, addr)?)
            }

            fn swap_value(&mut self, addr: u32) -> Result<Value> {
                Value::new(u64::BITS, TableRef::swap(self, addr)?)
            }

            fn swap_value_with(&mut self, addr: u32, new_reference: &[u64]) -> Result<Value> {
                let state = TableRef::swap_with(self, addr, lowest(new_reference))?;
                Value::new(u64::BITS, state)
            }

            fn context(&self, addr: u32) -> Result<LocalContext> {
                TableRef::context(self, addr).map(LocalContext::from)
            }

            fn nonzero(&self) -> Result<Vec<(u32, Value)>> {
                let contexts = self.snapshot(0..TableRef::size(self)?)?;
                let states = (0..).zip(contexts.iter().map(|context| context.state()));
                let value = |(addr, state)| Ok((addr, Value::new(u64::BITS, state)?));
                states.filter(|&(_, state)| state != 0).map(value).collect()
            }
        }
    };
}

device_table!(TableRef);
device_table!(Table);

/// The part of a value that a context of the device has.
fn lowest(limbs: &[u64]) -> u64 {
    limbs.first().copied().unwrap_or(0)
}
