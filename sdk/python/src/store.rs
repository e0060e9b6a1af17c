// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Store`]: a table in this process, with numbers of deltas, shared by the objects that use it.

use std::ops::Range;
use std::sync::Arc;

use atomik::{AsLimbs, Error, LocalContext, LocalTable, Result, Value};
use pyo3::prelude::*;

use crate::bell::Bell;
use crate::changes::Change;
use crate::errors::from_atomik;
use crate::lock::Lock;
use crate::many::{self, Reading};
use crate::marks::Marks;
use crate::watchers::Watchers;

/// A table, the number of deltas in the epoch of each context, and the watches.
pub struct Store {
    pub table: LocalTable,
    pub counts: Vec<u64>,
    pub watchers: Watchers,
}

/// A store that threads share. Its constant parts need no lock.
pub struct Shared {
    pub width: u32,
    pub contexts: u32,
    /// Watches have it as well, and it outlives the table.
    pub store: Arc<Lock<Store>>,
}

impl Shared {
    pub fn new(contexts: u32, width: u32) -> Result<Self> {
        let table = LocalTable::with_width(contexts, width)?;
        let mut counts = Vec::new();
        counts
            .try_reserve_exact(contexts as usize)
            .map_err(|_| Error::NoMemory { contexts })?;
        counts.resize(contexts as usize, 0);
        Ok(Self {
            width,
            contexts,
            store: Arc::new(Lock::new(Store {
                table,
                counts,
                watchers: Watchers::default(),
            })),
        })
    }

    /// The number of words of a value in arrays.
    pub fn limbs(&self) -> usize {
        self.width.div_ceil(u64::BITS) as usize
    }

    /// The states at many addresses, at one moment, in `out` or a new array.
    pub fn read_many<'py>(
        &self,
        py: Python<'py>,
        addrs: &Bound<'py, PyAny>,
        out: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let reading = Reading::new(py, addrs, out, self.contexts, self.width)?;
        let limbs = self.limbs();
        let mut words = many::words(limbs)?;
        py.detach(|| {
            self.store.hold(|store| {
                let mut start = 0;
                for addrs in reading.addrs.chunks((words.len() / limbs).max(1)) {
                    let states = &mut words[..addrs.len() * limbs];
                    store.table.read_many(addrs, states)?;
                    reading.into.write(start, states);
                    start += states.len();
                }
                Ok::<_, Error>(())
            })
        })
        .map_err(from_atomik)?;
        Ok(reading.out)
    }

    /// Adds a watch on contexts that the table has, which rings the bell. Returns its number.
    pub fn watch(&self, py: Python<'_>, range: Range<u32>, bell: Arc<Bell>) -> PyResult<u64> {
        let contexts = range.end - range.start;
        let marks = Marks::all(contexts).ok_or(Error::NoMemory { contexts });
        let marks = marks.map_err(from_atomik)?;
        Ok(self
            .store
            .with(py, |store| store.watchers.add(range, marks, bell)))
    }
}

impl Drop for Shared {
    /// The table has ended, as nobody else can change it.
    fn drop(&mut self) {
        if Arc::strong_count(&self.store) > 1 {
            self.store.hold(|store| store.watchers.end());
        }
    }
}

impl Store {
    pub fn load(&mut self, addr: u32, value: &Value) -> Result<()> {
        self.table.load_value(addr, value)?;
        self.counts[addr as usize] = 0;
        self.watchers.changed(addr);
        Ok(())
    }

    pub fn accum(&mut self, addr: u32, delta: &Value) -> Result<()> {
        self.merge(addr, delta, 1)
    }

    pub fn swap(&mut self, addr: u32, new_reference: Option<&Value>) -> Result<Value> {
        let state = match new_reference {
            Some(value) => {
                let state = self.table.swap_value_with(addr, value)?;
                self.watchers.changed(addr);
                state
            }
            None => self.table.swap_value(addr)?,
        };
        self.counts[addr as usize] = 0;
        Ok(state)
    }

    pub fn set(&mut self, addr: u32, state: impl AsLimbs) -> Result<()> {
        self.table.set_value(addr, state)?;
        self.count(addr, 1);
        self.watchers.changed(addr);
        Ok(())
    }

    /// Sets the state to `new` if it is `expected`, and tells whether it was.
    pub fn compare_exchange(&mut self, addr: u32, expected: &Value, new: &Value) -> Result<bool> {
        let compared = self.table.compare_exchange_value(addr, expected, new)?;
        if compared.is_ok() {
            self.count(addr, 1);
            self.watchers.changed(addr);
        }
        Ok(compared.is_ok())
    }

    /// A context and its number of deltas.
    pub fn context(&self, addr: u32) -> Result<(LocalContext, u64)> {
        Ok((self.table.context(addr)?, self.counts[addr as usize]))
    }

    pub fn set_context(&mut self, addr: u32, context: &LocalContext, count: u64) -> Result<()> {
        self.table.set_context(addr, context)?;
        self.counts[addr as usize] = count;
        self.watchers.changed(addr);
        Ok(())
    }

    /// Folds another context's deltas in.
    pub fn merge(&mut self, addr: u32, accumulator: &Value, count: u64) -> Result<()> {
        self.table.accum_value(addr, accumulator)?;
        self.count(addr, count);
        if !accumulator.is_zero() {
            self.watchers.changed(addr);
        }
        Ok(())
    }

    /// Counts deltas of a context.
    pub fn count(&mut self, addr: u32, deltas: u64) {
        let count = &mut self.counts[addr as usize];
        *count = count.saturating_add(deltas);
    }

    /// Hands out up to `most` changes to a watch: none once the table has ended. None where there
    /// is nothing to tell now. Takes more from the table if `fresh`; otherwise only what has been
    /// taken.
    pub fn tell(&mut self, id: u64, most: usize, fresh: bool) -> Result<Option<Vec<Change>>> {
        let ended = self.watchers.ended;
        let Some(watcher) = self.watchers.get(id) else {
            return Ok(None);
        };
        let mut changes = std::mem::take(&mut watcher.changes);
        if changes.0.is_empty() && fresh {
            let (contexts, marked) = watcher.marked();
            (changes.0.try_reserve_exact(contexts)).map_err(|_| Error::NoMemory {
                contexts: contexts as u32,
            })?;
            for addr in marked {
                changes.0.push_back((addr, self.table.read_value(addr)?));
            }
            watcher.taken(ended);
        }
        let told = changes.hand_out(most);
        watcher.changes = changes;
        Ok((!told.is_empty() || ended && fresh).then_some(told))
    }
}

/// The states that are not 0, by address.
pub fn nonzero(table: &LocalTable) -> Result<Vec<(u32, Value)>> {
    let (contexts, width) = (table.size(), table.width());
    let mut states = Vec::new();
    for (addr, limbs) in table.nonzero() {
        (states.try_reserve(1)).map_err(|_| Error::NoMemory { contexts })?;
        states.push((addr, Value::new(width, limbs)?));
    }
    Ok(states)
}
