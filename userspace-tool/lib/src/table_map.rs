// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`TableView`] and [`TableMap`]: a table's states, mapped into this process.

use std::fmt;
use std::marker::PhantomData;
use std::num::NonZeroUsize;
use std::ops::Deref;
use std::os::fd::BorrowedFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::errno::Errno;
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

use crate::{Error, Operation, Result};

/// The states of a table as memory of this process: READ without a system call.
///
/// [`TableRef::view`](crate::TableRef::view) makes it. Reads are atomic with regard to every
/// command and every [`TableMap`], here and in other processes. They are *not* isolated from
/// batches: a batch may be seen half done. The driver doesn't count them.
///
/// The mapping keeps the memory, not the table: after another process destroys the table, it shows
/// memory that no command changes any more.
pub struct TableView<'t> {
    states: NonNull<AtomicU64>,
    contexts: u32,
    table: u32,
    /// Keeps this process from destroying the table under its mapping.
    table_lives: PhantomData<&'t ()>,
}

/// A [`TableView`] with ACCUM as well: one atomic instruction.
/// [`TableRef::map`](crate::TableRef::map) makes it.
///
/// Deltas may come between two entries of a batch, and tell nobody who
/// [watches](crate::TableRef::watch) the table; [`TableRef::touch`](crate::TableRef::touch) does.
#[derive(Debug)]
pub struct TableMap<'t>(TableView<'t>);

// SAFETY: it points to atomics, and any thread may unmap them.
unsafe impl Send for TableView<'_> {}
// SAFETY: as above; all methods that take `&self` use atomics alone.
unsafe impl Sync for TableView<'_> {}

impl TableView<'_> {
    /// Maps the `contexts` states of a table in an open file.
    pub(crate) fn new(
        file: BorrowedFd<'_>,
        table: u32,
        contexts: u32,
        writable: bool,
    ) -> Result<Self> {
        let error = |errno| match errno {
            // The driver is too old to have mmap.
            Errno::ENODEV => Error::Unsupported { op: Operation::Map },
            Errno::EACCES => Error::ReadOnly { op: Operation::Map },
            Errno::ENOMEM => Error::NoMemory { contexts },
            other => Error::other(Operation::Map, Some(table), other),
        };
        let bytes = contexts as usize * size_of::<AtomicU64>();
        let bytes = NonZeroUsize::new(bytes).ok_or_else(|| error(Errno::EINVAL))?;
        let offset = i64::try_from(u64::from(table) * atomik_uapi::MAP_SPAN)
            .map_err(|_| error(Errno::ENOENT))?;
        let mut protection = ProtFlags::PROT_READ;
        protection.set(ProtFlags::PROT_WRITE, writable);
        // SAFETY: a new mapping, which shares memory with nothing that Rust knows of.
        let states = unsafe { mmap(None, bytes, protection, MapFlags::MAP_SHARED, file, offset) }
            .map_err(error)?;
        Ok(Self {
            states: states.cast(),
            contexts,
            table,
            table_lives: PhantomData,
        })
    }

    /// The number of contexts.
    pub fn contexts(&self) -> u32 {
        self.contexts
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
        if addr >= self.contexts {
            return Err(Error::Address {
                table: self.table,
                addr,
                contexts: Some(self.contexts),
                entry: None,
            });
        }
        // SAFETY: within the mapping, which is there as long as this; every process uses the words
        // of a mapping by atomic instructions, and the kernel by its own.
        Ok(unsafe { self.states.add(addr as usize).as_ref() })
    }
}

impl TableMap<'_> {
    /// Maps the states as [`TableView::new`] does, for writing as well.
    pub(crate) fn new(file: BorrowedFd<'_>, table: u32, contexts: u32) -> Result<Self> {
        TableView::new(file, table, contexts, true).map(Self)
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

impl Drop for TableView<'_> {
    fn drop(&mut self) {
        let bytes = self.contexts as usize * size_of::<AtomicU64>();
        // SAFETY: the mapping is this value's own, and no reference into it is left. It can't fail,
        // as `mmap` returned this range.
        let _ = unsafe { munmap(self.states.cast(), bytes) };
    }
}

impl fmt::Debug for TableView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableView")
            .field("table", &self.table)
            .field("contexts", &self.contexts)
            .finish_non_exhaustive()
    }
}
