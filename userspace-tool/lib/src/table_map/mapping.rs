// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Mapping`]: pages of a table in the memory of this process.

use std::num::NonZeroUsize;
use std::os::fd::AsFd;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;

use nix::errno::Errno;
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

/// Some words of a file, shared with the kernel and other processes, and unmapped when dropped.
/// All of them use the words by atomic instructions.
pub(super) struct Mapping(NonNull<[AtomicU64]>);

// SAFETY: it points to atomics, and any thread may unmap them.
unsafe impl Send for Mapping {}
// SAFETY: as above; all methods that take `&self` use atomics alone.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps so many words of a table's file.
    pub(super) fn new(
        file: impl AsFd,
        offset: u64,
        count: usize,
        writable: bool,
    ) -> Result<Self, Errno> {
        let bytes = count.checked_mul(size_of::<AtomicU64>());
        let bytes = bytes.and_then(NonZeroUsize::new).ok_or(Errno::EINVAL)?;
        let offset = i64::try_from(offset).map_err(|_| Errno::ENOENT)?;
        let mut protection = ProtFlags::PROT_READ;
        protection.set(ProtFlags::PROT_WRITE, writable);
        // SAFETY: a new mapping, which shares memory with nothing that Rust knows of.
        let start = unsafe { mmap(None, bytes, protection, MapFlags::MAP_SHARED, file, offset) }?;
        Ok(Self(NonNull::slice_from_raw_parts(start.cast(), count)))
    }

    /// The words. Those of a mapping that isn't writable are only to be read.
    #[inline]
    pub(super) fn words(&self) -> &[AtomicU64] {
        // SAFETY: the mapping is there as long as this. Every process uses its words by atomic
        // instructions, and the kernel by its own.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        let bytes = size_of_val(self.words());
        // SAFETY: the mapping is this value's own, and no reference into it is left. It can't fail,
        // as `mmap` returned this range.
        let _ = unsafe { munmap(self.0.cast(), bytes) };
    }
}
