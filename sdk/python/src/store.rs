// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Store`]: a table in this process, with numbers of deltas, shared by the objects that use it.

use atomik::{Error, LocalContext, LocalTable, Result, Value};

use crate::lock::Lock;

/// A table, and the number of deltas in the epoch of each context.
pub struct Store {
    pub table: LocalTable,
    pub counts: Vec<u64>,
}

/// A store that threads share. Its constant parts need no lock.
pub struct Shared {
    pub width: u32,
    pub contexts: u32,
    pub store: Lock<Store>,
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
            store: Lock::new(Store { table, counts }),
        })
    }

    /// The number of words of a value in arrays.
    pub fn limbs(&self) -> usize {
        self.width.div_ceil(u64::BITS) as usize
    }
}

impl Store {
    pub fn load(&mut self, addr: u32, value: &Value) -> Result<()> {
        self.table.load_value(addr, value)?;
        self.counts[addr as usize] = 0;
        Ok(())
    }

    pub fn accum(&mut self, addr: u32, delta: &Value) -> Result<()> {
        self.table.accum_value(addr, delta)?;
        self.count(addr, 1);
        Ok(())
    }

    pub fn swap(&mut self, addr: u32, new_reference: Option<&Value>) -> Result<Value> {
        let state = match new_reference {
            Some(value) => self.table.swap_value_with(addr, value)?,
            None => self.table.swap_value(addr)?,
        };
        self.counts[addr as usize] = 0;
        Ok(state)
    }

    pub fn set(&mut self, addr: u32, state: &Value) -> Result<()> {
        self.table.set_value(addr, state)?;
        self.count(addr, 1);
        Ok(())
    }

    /// Sets the state to `new` if it is `expected`, and tells whether it was.
    pub fn compare_exchange(&mut self, addr: u32, expected: &Value, new: &Value) -> Result<bool> {
        let compared = self.table.compare_exchange_value(addr, expected, new)?;
        self.count(addr, compared.is_ok().into());
        Ok(compared.is_ok())
    }

    /// A context and its number of deltas.
    pub fn context(&self, addr: u32) -> Result<(LocalContext, u64)> {
        Ok((self.table.context(addr)?, self.counts[addr as usize]))
    }

    pub fn set_context(&mut self, addr: u32, context: &LocalContext, count: u64) -> Result<()> {
        self.table.set_context(addr, context)?;
        self.counts[addr as usize] = count;
        Ok(())
    }

    /// Folds another context's deltas in.
    pub fn merge(&mut self, addr: u32, accumulator: &Value, count: u64) -> Result<()> {
        self.table.accum_value(addr, accumulator)?;
        self.count(addr, count);
        Ok(())
    }

    /// Counts deltas of a context.
    pub fn count(&mut self, addr: u32, deltas: u64) {
        let count = &mut self.counts[addr as usize];
        *count = count.saturating_add(deltas);
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
