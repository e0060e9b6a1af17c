// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Mapping`]: pages of a table, as a program maps them.

use crate::{memory::page_size, raw::RawFile};
use atomik_uapi::{MAP_CONTROL, MAP_SPAN};
use nix::{
    errno::Errno,
    sys::mman::{
        MRemapFlags, MapFlags, MmapAdvise, ProtFlags, madvise, mmap, mmap_anonymous, mprotect,
        mremap, munmap,
    },
};
use std::{
    num::NonZeroUsize,
    ptr::NonNull,
    slice,
    sync::atomic::{AtomicU64, Ordering},
};

/// Rights of most mappings.
pub const READ_WRITE: ProtFlags = ProtFlags::PROT_READ.union(ProtFlags::PROT_WRITE);

/// The page at which a table's control page is.
pub fn page_of_control() -> usize {
    MAP_CONTROL as usize / page_size()
}

/// How many states a page has room for.
pub fn in_page() -> u32 {
    (page_size() / size_of::<u64>()) as u32
}

/// The pages for which each table has offsets.
pub fn pages_of_span() -> usize {
    MAP_SPAN as usize / page_size()
}

/// Some pages of a table, unmapped when dropped.
pub struct Mapping {
    states: NonNull<AtomicU64>,
    pages: usize,
}

// SAFETY: all uses are of atomics, and unmapping needs the mapping for itself.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps pages of a table as the arguments say.
    pub fn with(
        file: &RawFile,
        table: u32,
        first: usize,
        pages: usize,
        protection: ProtFlags,
        flags: MapFlags,
    ) -> Result<Self, Errno> {
        let length = NonZeroUsize::new(pages * page_size()).expect("a page at least");
        let offset = u64::from(table) * MAP_SPAN + (first * page_size()) as u64;
        // SAFETY: a new mapping, where the kernel chooses.
        let states = unsafe { mmap(None, length, protection, flags, file, offset as i64) }?;
        Ok(Self {
            states: states.cast(),
            pages,
        })
    }

    /// Maps the first pages of a table, shared, to be read and written.
    pub fn new(file: &RawFile, table: u32, pages: usize) -> Result<Self, Errno> {
        Self::with(file, table, 0, pages, READ_WRITE, MapFlags::MAP_SHARED)
    }

    /// Maps the states of a table of so many contexts, to be read and written.
    pub fn of(file: &RawFile, table: u32, contexts: usize) -> Result<Self, Errno> {
        let pages = (contexts * size_of::<u64>()).div_ceil(page_size());
        Self::new(file, table, pages)
    }

    /// Maps the control page of a table.
    pub fn control(file: &RawFile, table: u32) -> Result<Self, Errno> {
        let (read, shared) = (ProtFlags::PROT_READ, MapFlags::MAP_SHARED);
        Self::with(file, table, page_of_control(), 1, read, shared)
    }

    /// All words of the pages: the states, and the rest of the last page.
    pub fn states(&self) -> &[AtomicU64] {
        let count = self.pages * page_size() / size_of::<AtomicU64>();
        // SAFETY: the mapping lives as long as this.
        unsafe { slice::from_raw_parts(self.states.as_ptr(), count) }
    }

    /// The state of a context.
    pub fn state(&self, addr: u32) -> &AtomicU64 {
        &self.states()[addr as usize]
    }

    /// READ.
    pub fn read(&self, addr: u32) -> u64 {
        self.state(addr).load(Ordering::SeqCst)
    }

    /// ACCUM.
    pub fn accum(&self, addr: u32, delta: u64) {
        self.state(addr).fetch_xor(delta, Ordering::SeqCst);
    }

    /// Changes the rights of the pages.
    pub fn protect(&self, protection: ProtFlags) -> Result<(), Errno> {
        // SAFETY: a use that is no longer allowed is a signal, which the caller wants.
        unsafe { mprotect(self.states.cast(), self.pages * page_size(), protection) }
    }

    /// Gives the kernel advice about the pages.
    pub fn advise(&self, advice: MmapAdvise) -> Result<(), Errno> {
        // SAFETY: all bits are valid in an atomic, and a signal is what the caller wants.
        unsafe { madvise(self.states.cast(), self.pages * page_size(), advice) }
    }

    /// Asks for so many pages, at another address if need be.
    pub fn resize(&mut self, pages: usize) -> Result<(), Errno> {
        let (old, new) = (self.pages * page_size(), pages * page_size());
        // SAFETY: no reference into the mapping is left, as this is borrowed exclusively.
        let states = unsafe {
            mremap(
                self.states.cast(),
                old,
                new,
                MRemapFlags::MREMAP_MAYMOVE,
                None,
            )
        }?;
        self.states = states.cast();
        self.pages = pages;
        Ok(())
    }

    /// Moves the pages to another address.
    pub fn relocate(&mut self) {
        let bytes = self.pages * page_size();
        let flags = MRemapFlags::MREMAP_MAYMOVE | MRemapFlags::MREMAP_FIXED;
        let length = NonZeroUsize::new(bytes).expect("a page at least");
        // SAFETY: the mapping moves to addresses that have just been reserved for it; no reference
        // into it is left, as this is borrowed exclusively.
        self.states = unsafe {
            let reserved =
                mmap_anonymous(None, length, ProtFlags::PROT_NONE, MapFlags::MAP_PRIVATE);
            let reserved = reserved.expect("addresses");
            mremap(self.states.cast(), bytes, bytes, flags, Some(reserved))
                .expect("mremap")
                .cast()
        };
    }

    /// Unmaps all but the first pages.
    pub fn truncate(&mut self, pages: usize) {
        assert!((1..self.pages).contains(&pages));
        // SAFETY: within the mapping; no reference into it is left, as this is borrowed
        // exclusively.
        unsafe {
            let rest = self.states.byte_add(pages * page_size()).cast();
            munmap(rest, (self.pages - pages) * page_size()).expect("munmap");
        }
        self.pages = pages;
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe { munmap(self.states.cast(), self.pages * page_size()) }.expect("munmap");
    }
}
