// SPDX-License-Identifier: MIT OR Apache-2.0

//! Reads of several states as of one moment.

use std::hint;
use std::sync::atomic::{AtomicU64, Ordering};

use atomik_uapi::MAX_BATCH;

use super::{TableView, sequence};
#[cfg(doc)]
use crate::Error;
use crate::{Batch, Context, LocalError, Result};

/// How often a read without a system call is tried. A writer may not be running now, and there may
/// always be another: a system call sleeps meanwhile, and has its turn.
const ATTEMPTS: u32 = 8;

/// The states of a table, as [`TableView::read_consistently`] shows them.
#[derive(Clone, Copy, Debug)]
pub struct ConsistentStates<'a> {
    view: &'a TableView<'a>,
    /// All contexts as they were at one moment, where the mapping doesn't show that.
    copy: Option<&'a [Context]>,
}

impl ConsistentStates<'_> {
    /// The number of contexts.
    pub fn contexts(&self) -> u32 {
        self.view.contexts()
    }

    /// The context's state.
    ///
    /// # Errors
    ///
    /// [`Error::Address`].
    #[inline]
    pub fn read(&self, addr: u32) -> Result<u64> {
        let state = self.view.state(addr)?;
        Ok(match self.copy.map(|copy| copy.get(addr as usize)) {
            Some(Some(context)) => context.state(),
            _ => state.load(Ordering::Relaxed),
        })
    }

    /// Goes on after an attempt of `f`.
    #[cold]
    fn read_again<R>(self, f: &mut dyn FnMut(&ConsistentStates<'_>) -> Result<R>) -> Result<R> {
        if let Some(result) = self.view.attempt_again(|| f(&self)) {
            return result;
        }
        let copy = self.view.table.snapshot(0..self.contexts())?;
        f(&ConsistentStates {
            copy: Some(&copy),
            ..self
        })
    }
}

impl TableView<'_> {
    /// Reads the states at `addrs` into `out`, as of one moment: of each batch and RESTORE, by
    /// whomever, all changes are seen or none.
    ///
    /// Usually this makes no system call. Where batches are at work in each of a few attempts, it
    /// is a [batch](crate::TableRef::run) of READs, or beyond [`MAX_BATCH`](crate::MAX_BATCH)
    /// addresses a [snapshot](crate::TableRef::snapshot); so it always ends. With a driver that has
    /// no control page it is always one of these.
    ///
    /// LOAD, ACCUM and SWAP by themselves, and changes through mappings, are seen or not one by
    /// one: two that happen meanwhile possibly in either order. What belongs together is changed in
    /// a batch.
    ///
    /// Acquire: memory accesses after it see everything that the writers of the states did before.
    ///
    /// # Errors
    ///
    /// [`LocalError::Lengths`] where `out` is not as long as `addrs`. [`Error::Address`], which names
    /// the entry, and those of the system calls; `out` means nothing then.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let table = atomik::Device::open()?.create_table(2)?;
    /// // Batches move money from one account to another.
    /// let accounts = table.view()?;
    /// let mut states = [0; 2];
    /// accounts.read_consistent(&[0, 1], &mut states)?;
    /// println!("{} in all", states[0] + states[1]);
    /// # Ok::<(), atomik::Error>(())
    /// ```
    #[inline]
    pub fn read_consistent(&self, addrs: &[u32], out: &mut [u64]) -> Result<()> {
        LocalError::check_lengths(addrs, out)?;
        let read = || read_all(self.states.words(), addrs, out);
        match sequence::attempt(self.control.sequence(), read) {
            Some(Some(())) => Ok(()),
            _ => self.read_again(addrs, out),
        }
    }

    /// Calls `f` with the table's states, as of one moment, as
    /// [`read_consistent`](Self::read_consistent) reads them; for reads of which each depends on
    /// the one before.
    ///
    /// `f` may be called several times. Where a batch is at work meanwhile, it sees states that
    /// don't belong together; its result, an error too, is dropped then. So it should do nothing
    /// but read, and end whatever it reads. In the end it gets a copy of all contexts, a
    /// [snapshot](crate::TableRef::snapshot).
    ///
    /// # Errors
    ///
    /// Those of `f`, and those of [`read_consistent`](Self::read_consistent).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let table = atomik::Device::open()?.create_table(16)?;
    /// // The first context has the address of the one in use.
    /// let in_use = table.view()?.read_consistently(|states| {
    ///     let addr = states.read(0)? as u32;
    ///     states.read(addr)
    /// })?;
    /// # let _ = in_use;
    /// # Ok::<(), atomik::Error>(())
    /// ```
    pub fn read_consistently<R>(
        &self,
        mut f: impl FnMut(&ConsistentStates<'_>) -> Result<R>,
    ) -> Result<R> {
        let states = ConsistentStates {
            view: self,
            copy: None,
        };
        let result = sequence::attempt(self.control.sequence(), || f(&states));
        result.unwrap_or_else(|| states.read_again(&mut f))
    }

    /// Fails with [`Error::Address`] where one is beyond the table.
    fn check(&self, addrs: &[u32]) -> Result<()> {
        let beyond = |&addr: &u32| addr >= self.contexts();
        match addrs.iter().position(beyond) {
            Some(entry) => Err(self.outside(addrs[entry], Some(entry))),
            None => Ok(()),
        }
    }

    /// Goes on after an attempt.
    #[cold]
    fn read_again(&self, addrs: &[u32], out: &mut [u64]) -> Result<()> {
        self.check(addrs)?;
        match self.attempt_again(|| read_all(self.states.words(), addrs, out)) {
            Some(_) => Ok(()),
            None => self.read_by_call(addrs, out),
        }
    }

    /// Tries `read` again after a first attempt. Returns nothing where batches are at work in each.
    fn attempt_again<R>(&self, mut read: impl FnMut() -> R) -> Option<R> {
        (1..ATTEMPTS).find_map(|_| {
            hint::spin_loop();
            sequence::attempt(self.control.sequence(), &mut read)
        })
    }

    /// Reads states within the table by one system call.
    fn read_by_call(&self, addrs: &[u32], out: &mut [u64]) -> Result<()> {
        let (Some(&first), Some(&last)) = (addrs.iter().min(), addrs.iter().max()) else {
            return Ok(());
        };
        if addrs.len() > MAX_BATCH as usize {
            let contexts = self.table.snapshot(first..last + 1)?;
            for (out, &addr) in out.iter_mut().zip(addrs) {
                *out = contexts[(addr - first) as usize].state();
            }
            return Ok(());
        }
        let mut batch = Batch::with_capacity(addrs.len());
        for &addr in addrs {
            batch.read(addr);
        }
        for (out, state) in out.iter_mut().zip(self.table.run(&mut batch)?.states()) {
            *out = state;
        }
        Ok(())
    }
}

/// Reads the states at `addrs` into `out`. Returns nothing where there is no state at one of them.
#[inline]
fn read_all(states: &[AtomicU64], addrs: &[u32], out: &mut [u64]) -> Option<()> {
    for (out, &addr) in out.iter_mut().zip(addrs) {
        *out = states.get(addr as usize)?.load(Ordering::Relaxed);
    }
    Some(())
}
