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
/// Made by [`TableRef::view`](crate::TableRef::view). It is atomic with regard to every command and to
/// every [`TableMap`], here and in other processes. It is *not* isolated from batches: a batch may be seen
/// half done. The driver doesn't count it.
///
/// The mapping holds on to the memory, not to the table: when somebody else destroys the table, this
/// goes on to show memory that no command changes any more.
pub struct TableView<'t> {
    states: NonNull<AtomicU64>,
    contexts: u32,
    table: u32,
    /// A table that this process owns is not destroyed under its mapping.
    table_lives: PhantomData<&'t ()>,
}

/// The same, with ACCUM too: one atomic instruction. Made by [`TableRef::map`](crate::TableRef::map).
///
/// A batch sees what is accumulated meanwhile between two of its entries.
#[derive(Debug)]
pub struct TableMap<'t>(TableView<'t>);

// SAFETY: what it points to is atomics, and the mapping goes when this does, in whichever thread.
unsafe impl Send for TableView<'_> {}
// SAFETY: as above; all methods that take `&self` use atomics alone.
unsafe impl Sync for TableView<'_> {}

impl TableView<'_> {
    /// Maps the states of the table `id`, which has so many contexts, in the open file `file`.
    pub(crate) fn new(
        file: BorrowedFd<'_>,
        table: u32,
        contexts: u32,
        writable: bool,
    ) -> Result<Self> {
        let error = |errno| match errno {
            // What has no mmap answers so.
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
    /// What this thread saw or wrote before, and what whoever changed the state had done before, is
    /// seen after it (acquire).
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
        // SAFETY: within the mapping, which is there as long as this; every process uses the words of
        // a mapping by atomic instructions, and the kernel by its own.
        Ok(unsafe { self.states.add(addr as usize).as_ref() })
    }
}

impl TableMap<'_> {
    /// As [`TableView::new`], to be written too.
    pub(crate) fn new(file: BorrowedFd<'_>, table: u32, contexts: u32) -> Result<Self> {
        TableView::new(file, table, contexts, true).map(Self)
    }

    /// ACCUM: the context's state is XORed with `delta`, by one atomic instruction.
    ///
    /// Who sees the new state sees what this thread has done before (release).
    ///
    /// # Errors
    ///
    /// [`Error::Address`].
    #[inline]
    pub fn accum(&self, addr: u32, delta: u64) -> Result<()> {
        // The old state is not asked for, so that this is one instruction.
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
        // SAFETY: the mapping is this value's own, and no reference into it is left. It can't fail:
        // the range is one that `mmap` has given.
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
