// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Mapped`], pages of a table that a program has mapped.

use crate::program::{Map, Rights, Touch};
use atomik_test_support::memory::page_size;
use atomik_uapi::MAP_SPAN;
use nix::{errno::Errno, libc};
use std::sync::atomic::{AtomicU64, Ordering};

/// A mapping, unmapped when dropped.
#[derive(Debug)]
pub struct Mapped {
    /// Name of the mapping in the program.
    pub tag: u32,
    start: *mut libc::c_void,
    pages: usize,
    first: usize,
    rights: Rights,
}

// SAFETY: all uses are of atomics, and nobody has the mapping once it is unmapped.
unsafe impl Send for Mapped {}
// SAFETY: as above.
unsafe impl Sync for Mapped {}

impl Mapped {
    /// Maps pages of the table `id`.
    pub fn new(fd: i32, id: u32, map: Map, tag: u32) -> Result<Self, Errno> {
        let protection = match map.rights {
            Rights::ReadWrite => libc::PROT_READ | libc::PROT_WRITE,
            Rights::Read => libc::PROT_READ,
            Rights::Execute => libc::PROT_READ | libc::PROT_EXEC,
        };
        let flags = if map.private {
            libc::MAP_PRIVATE
        } else {
            libc::MAP_SHARED
        };
        let pages = usize::from(map.pages);
        let first = usize::from(map.first);
        let offset = u64::from(id) * MAP_SPAN + (first * page_size()) as u64;
        // SAFETY: a new mapping, where the kernel chooses.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                pages * page_size(),
                protection,
                flags,
                fd,
                offset as i64,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(Errno::last());
        }
        Ok(Self {
            tag,
            start,
            pages,
            first,
            rights: map.rights,
        })
    }

    /// Uses the state at an address of the table, so many times. Returns the state before the first
    /// time; none where the mapping does not show or allow it.
    pub fn touch(&self, addr: u32, touch: Touch, times: u32) -> Option<u64> {
        if touch != Touch::Read && self.rights != Rights::ReadWrite {
            return None;
        }
        let at = (addr as usize)
            .checked_mul(size_of::<u64>())?
            .checked_sub(self.first * page_size())
            .filter(|&at| at < self.pages * page_size())?;
        // SAFETY: an aligned word of the mapping, which is there as long as this.
        let state = unsafe { AtomicU64::from_ptr(self.start.byte_add(at).cast()) };
        let once = || match touch {
            Touch::Read => state.load(Ordering::SeqCst),
            Touch::Accum(delta) => state.fetch_xor(delta, Ordering::SeqCst),
            Touch::Store(value) => state.swap(value, Ordering::SeqCst),
        };
        let before = once();
        for _ in 1..times {
            once();
        }
        Some(before)
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: the whole mapping, to which nothing refers any more.
        unsafe { libc::munmap(self.start, self.pages * page_size()) };
    }
}
