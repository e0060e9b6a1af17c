// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`TableView`] and [`TableMap`]: a table's states, mapped into this process. Its parts: the
//! mapped words, the control page, and reads of several states as of one moment.

mod consistent;
mod control_page;
mod mapping;
mod sequence;

/// The atomics that [`sequence`] uses.
mod atomic {
    pub(super) use std::sync::atomic::{AtomicU64, Ordering, fence};
}

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};

use atomik_uapi::MAP_SPAN;
use nix::errno::Errno;

use crate::{Error, Operation, Result, TableRef};

pub use consistent::ConsistentStates;
use control_page::ControlPage;
use mapping::Mapping;

/// The states of a table as memory of this process: READ without a system call.
///
/// [`TableRef::view`](crate::TableRef::view) makes it, and
/// [`TableRef::into_view`](crate::TableRef::into_view) one that borrows nothing, for another thread.
/// Reads are atomic with regard to every
/// command and every [`TableMap`], here and in other processes. Several [`read`](Self::read)s are
/// *not* isolated from batches: they may see one half done, which
/// [`read_consistent`](Self::read_consistent) never does. The driver doesn't count what is done
/// without a system call.
///
/// The mapping keeps the memory, not the table: after another process destroys the table, it shows
/// memory that no command changes any more.
pub struct TableView<'t> {
    states: Mapping,
    control: ControlPage,
    /// Borrowed, it keeps this process from destroying the table under its mapping.
    table: Cow<'t, TableRef>,
}

/// A [`TableView`] with ACCUM as well: one atomic instruction.
/// [`TableRef::map`](crate::TableRef::map) makes it, and
/// [`TableRef::into_map`](crate::TableRef::into_map) one that borrows nothing.
///
/// Deltas may come between two entries of a batch, and tell nobody who
/// [watches](crate::TableRef::watch) the table; [`TableRef::touch`](crate::TableRef::touch) does.
#[derive(Debug)]
pub struct TableMap<'t>(TableView<'t>);

impl<'t> TableView<'t> {
    /// Maps the states of a table.
    pub(crate) fn new(table: Cow<'t, TableRef>, writable: bool) -> Result<Self> {
        let (file, id, contexts) = (table.file(), table.id(), table.size()?);
        let error = |errno| match errno {
            // The driver is too old to have mmap.
            Errno::ENODEV => Error::Unsupported { op: Operation::Map },
            Errno::EACCES => Error::ReadOnly { op: Operation::Map },
            Errno::ENOMEM => Error::NoMemory { contexts },
            other => Error::other(Operation::Map, Some(id), other),
        };
        let offset = u64::from(id) * MAP_SPAN;
        let states = Mapping::new(file, offset, contexts as usize, writable).map_err(error)?;
        let control = ControlPage::new(file, id).map_err(error)?;
        Ok(Self {
            states,
            control,
            table,
        })
    }

    /// The number of contexts.
    pub fn contexts(&self) -> u32 {
        self.states.words().len() as u32
    }

    /// READ: returns the context's state, reference ^ accumulator.
    ///
    /// Acquire: memory accesses after it see everything that the writer of the state did before.
    ///
    /// # Errors
    ///
    /// [`Error::Address`].
    #[inline]
    pub fn read(&self, addr: u32) -> Result<u64> {
        Ok(self.state(addr)?.load(Ordering::Acquire))
    }

    #[inline]
    fn state(&self, addr: u32) -> Result<&AtomicU64> {
        let state = self.states.words().get(addr as usize);
        state.ok_or_else(|| self.outside(addr, None))
    }

    #[cold]
    fn outside(&self, addr: u32, entry: Option<usize>) -> Error {
        Error::Address {
            table: self.table.id(),
            addr,
            contexts: Some(self.contexts()),
            entry,
        }
    }
}

impl<'t> TableMap<'t> {
    /// Maps the states as [`TableView::new`] does, for writing as well.
    pub(crate) fn new(table: Cow<'t, TableRef>) -> Result<Self> {
        TableView::new(table, true).map(Self)
    }

    /// ACCUM: the context's state is XORed with `delta`, by one atomic instruction.
    ///
    /// Release: a thread that sees the new state sees everything that this one did before.
    ///
    /// # Errors
    ///
    /// [`Error::Address`].
    #[inline]
    pub fn accum(&self, addr: u32, delta: u64) -> Result<()> {
        // Without a use of the old state, this is one instruction.
        self.0.state(addr)?.fetch_xor(delta, Ordering::Release);
        Ok(())
    }
}

impl<'t> Deref for TableMap<'t> {
    type Target = TableView<'t>;

    fn deref(&self) -> &TableView<'t> {
        &self.0
    }
}

impl fmt::Debug for TableView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableView")
            .field("table", &self.table.id())
            .field("contexts", &self.contexts())
            .finish_non_exhaustive()
    }
}
