// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Watch`]: notices changes of contexts by looking again and again.

use std::thread;
use std::time::{Duration, Instant};

use crate::{Batch, MAX_BATCH, Result, TableRef};

/// The most addresses that are read one by one, which doesn't hold up the table's other users.
const SINGLY: usize = 16;

/// A context whose state changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// The context's address.
    pub addr: u32,
    /// Its state at the previous look.
    pub before: u64,
    /// Its state now.
    pub after: u64,
}

/// Looks at some contexts of a table again and again, and returns the states that changed.
///
/// A state that changes and changes back between two looks isn't noticed. [`poll`](Self::poll)
/// looks once and never waits; [`wait`](Self::wait) looks until something changes, with pauses
/// between.
///
/// A look at up to 16 addresses takes one READ each, some 800 instructions, most of them the system
/// call's own. Up to 4096 addresses take a BATCH of READs, some 20 instructions each; more take a
/// SNAPSHOT from the first address to the last, some 25 for each context. Both hold up the table's
/// other users meanwhile, and see all states at one moment. A thread that looks all the time can
/// use [`TableRef::view`] without system calls; it makes all later batches on the table use locked
/// instructions, so `Watch` doesn't.
///
/// ```no_run
/// # use std::time::Duration;
/// # let table = atomik::Device::open()?.create_table(8)?;
/// let mut watch = atomik::Watch::new(&table, vec![0, 3])?;
/// table.accum(3, 1)?;
/// let changes = watch.wait(Duration::from_millis(100), None)?;
/// assert_eq!((changes[0].addr, changes[0].after), (3, 1));
/// # Ok::<(), atomik::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Watch {
    table: TableRef,
    addresses: Vec<u32>,
    states: Vec<u64>,
}

impl Watch {
    /// Looks at these addresses for the first time, and remembers their states.
    ///
    /// # Errors
    ///
    /// [`Error::Address`](crate::Error::Address),
    /// [`Error::NoSuchTable`](crate::Error::NoSuchTable), and of more than 4096 addresses those of
    /// [`TableRef::snapshot`].
    pub fn new(table: &TableRef, addresses: Vec<u32>) -> Result<Self> {
        let states = look(table, &addresses)?;
        Ok(Self {
            table: table.clone(),
            addresses,
            states,
        })
    }

    /// The addresses and their states at the last look.
    pub fn states(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        self.addresses
            .iter()
            .copied()
            .zip(self.states.iter().copied())
    }

    /// Looks once, and returns the changes since the last look.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new).
    pub fn poll(&mut self) -> Result<Vec<Change>> {
        let new = look(&self.table, &self.addresses)?;
        let old = std::mem::replace(&mut self.states, new);
        let pairs = old.into_iter().zip(&self.states);
        Ok(self
            .addresses
            .iter()
            .zip(pairs)
            .filter(|(_, (before, after))| before != *after)
            .map(|(&addr, (before, &after))| Change {
                addr,
                before,
                after,
            })
            .collect())
    }

    /// Looks every `interval` until something changes, and returns the changes: none where
    /// `timeout` is over first. This blocks.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new).
    pub fn wait(&mut self, interval: Duration, timeout: Option<Duration>) -> Result<Vec<Change>> {
        // A timeout too long for the clock never ends.
        let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            let changes = self.poll()?;
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            if !changes.is_empty() || left == Some(Duration::ZERO) {
                return Ok(changes);
            }
            thread::sleep(left.map_or(interval, |left| left.min(interval)));
        }
    }
}

/// The states of these addresses; those of many are of one moment.
fn look(table: &TableRef, addresses: &[u32]) -> Result<Vec<u64>> {
    if addresses.len() <= SINGLY {
        return addresses.iter().map(|&addr| table.read(addr)).collect();
    }
    if addresses.len() <= MAX_BATCH as usize {
        let mut batch = Batch::with_capacity(addresses.len());
        for &addr in addresses {
            batch.read(addr);
        }
        return Ok(table.run(&mut batch)?.states().collect());
    }
    let first = addresses.iter().copied().min().unwrap_or(0);
    let last = addresses.iter().copied().max().unwrap_or(0);
    let contexts = table.snapshot(first..last.saturating_add(1))?;
    let state = |&addr: &u32| contexts.get((addr - first) as usize);
    Ok(addresses
        .iter()
        .filter_map(state)
        .map(|c| c.state())
        .collect())
}
