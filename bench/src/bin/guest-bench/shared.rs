// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`Words`]: memory that processes share.

use nix::errno::Errno;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::mman::{MapFlags, ProtFlags, mmap};
use nix::unistd::ftruncate;
use std::num::NonZeroUsize;
use std::os::fd::AsFd;
use std::ptr::NonNull;
use std::slice;
use std::sync::atomic::AtomicU64;

/// Words of a file, mapped to the end of the program.
pub struct Words {
    start: NonNull<AtomicU64>,
    count: usize,
}

impl Words {
    /// Memory of no other file.
    pub fn new(count: usize) -> Result<Self, Errno> {
        let file = memfd_create("words", MFdFlags::MFD_CLOEXEC)?;
        ftruncate(&file, (count * size_of::<AtomicU64>()) as i64)?;
        Self::map(&file, count)
    }

    /// The beginning of a file that has so many words.
    pub fn map(file: impl AsFd, count: usize) -> Result<Self, Errno> {
        let length = NonZeroUsize::new(count * size_of::<AtomicU64>()).ok_or(Errno::EINVAL)?;
        let rights = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a new mapping, where the kernel chooses.
        let start = unsafe { mmap(None, length, rights, MapFlags::MAP_SHARED, file, 0) }?;
        Ok(Self {
            start: start.cast(),
            count,
        })
    }

    pub fn words(&self) -> &[AtomicU64] {
        // SAFETY: so many words are mapped, and stay so.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.count) }
    }
}
