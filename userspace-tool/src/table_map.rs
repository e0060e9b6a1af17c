// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`TableMap`]: a table's states, mapped into this process.

use std::fmt;
use std::marker::PhantomData;
use std::num::NonZeroUsize;
use std::os::fd::BorrowedFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::errno::Errno;
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

use crate::{Error, Operation, Result};

/// The states of a table as memory of this process: READ and ACCUM without a system call.
///
/// Made by [`TableRef::map`](crate::TableRef::map) and
/// [`TableRef::map_read_only`](crate::TableRef::map_read_only). Both operations are atomic with regard
/// to each other, to other processes' mappings, and to every command. They are *not* isolated from
/// batches: a batch may be seen half done, and sees what this does between two of its entries. The
/// driver doesn't count them.
///
/// The mapping holds on to the memory, not to the table: when somebody else destroys the table, this
/// goes on to work on memory that nobody else sees, unless he has mapped it too.
pub struct TableMap<'t> {
    states: NonNull<AtomicU64>,
    contexts: u32,
    table: u32,
    writable: bool,
    /// A table that this process owns is not destroyed under its mapping.
    table_lives: PhantomData<&'t ()>,
}

// SAFETY: what it points to is atomics, and the mapping goes when this does, in whichever thread.
unsafe impl Send for TableMap<'_> {}
// SAFETY: as above; all methods that take `&self` use atomics alone.
unsafe impl Sync for TableMap<'_> {}

impl TableMap<'_> {
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
            writable,
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

    /// ACCUM: the context's state is XORed with `delta`, by one atomic instruction.
    ///
    /// Who sees the new state sees what this thread has done before (release).
    ///
    /// # Errors
    ///
    /// [`Error::Address`], and [`Error::ReadOnly`] where the mapping is.
    #[inline]
    pub fn accum(&self, addr: u32, delta: u64) -> Result<()> {
        if !self.writable {
            return Err(Error::ReadOnly {
                op: Operation::Accum,
            });
        }
        // The old state is not asked for, so that this is one instruction.
        self.state(addr)?.fetch_xor(delta, Ordering::Release);
        Ok(())
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

impl Drop for TableMap<'_> {
    fn drop(&mut self) {
        let bytes = self.contexts as usize * size_of::<AtomicU64>();
        // SAFETY: the mapping is this value's own, and no reference into it is left. It can't fail:
        // the range is one that `mmap` has given.
        let _ = unsafe { munmap(self.states.cast(), bytes) };
    }
}

impl fmt::Debug for TableMap<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableMap")
            .field("table", &self.table)
            .field("contexts", &self.contexts)
            .field("writable", &self.writable)
            .finish_non_exhaustive()
    }
}
