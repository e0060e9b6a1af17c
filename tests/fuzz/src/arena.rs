// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Arena`]: memory of all kinds, at addresses that 32-bit calls can name.
//!
//! For each pair of kinds there is a window, half of one kind and half of the other, between
//! addresses where nothing is. Its content is a file's, which a second mapping shows whatever
//! rights the window gives.

use crate::location::{HALF, Half, Location};
use anyhow::{Context, Result};
use nix::{
    libc,
    sys::{
        memfd::{MFdFlags, memfd_create},
        mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap, mmap_anonymous, mprotect, munmap},
    },
    unistd::ftruncate,
};
use std::{
    ffi::c_void,
    fs::File,
    num::NonZeroUsize,
    os::{fd::OwnedFd, unix::fs::FileExt},
    ptr::{NonNull, copy_nonoverlapping},
};

/// Start of the first arena's windows.
const BASE: usize = 0x1000_0000;
/// From one window to the next: a gap of `HALF` on each side.
const STRIDE: usize = 4 * HALF;
/// Roles of a window: argument or entries.
const ROLES: usize = 2;
const WINDOWS: usize = ROLES * Half::ALL.len() * Half::ALL.len();
/// Bytes around a buffer that must stay as they are.
const MARGIN: usize = 64;
/// Content of the margins.
pub const CANARY: u8 = 0xa5;

/// A buffer of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Argument,
    /// Entries of a batch or contexts of an image.
    Entries,
}

/// A location as an address.
#[derive(Clone, Copy, Debug)]
pub struct Spot {
    pub address: u64,
    location: Location,
    role: Role,
}

/// Windows for one thread.
pub struct Arena {
    start: usize,
    content: File,
    /// All windows' content.
    alias: NonNull<c_void>,
    /// A file without content.
    _empty: OwnedFd,
}

// SAFETY: addresses and files. Users of an arena take turns at writing.
unsafe impl Send for Arena {}
// SAFETY: as above; methods that write stay in the mapping.
unsafe impl Sync for Arena {}

fn number(role: Role, first: Half, second: Half) -> usize {
    (role as usize * Half::ALL.len() + first as usize) * Half::ALL.len() + second as usize
}

const CONTENT: usize = WINDOWS * 2 * HALF;

impl Arena {
    /// Makes the arena with this number.
    pub fn new(index: usize) -> Result<Self> {
        let content = memfd_create(c"arena", MFdFlags::MFD_CLOEXEC).context("memfd_create")?;
        ftruncate(&content, CONTENT as i64)?;
        let empty = memfd_create(c"empty", MFdFlags::MFD_CLOEXEC).context("memfd_create")?;
        // SAFETY: a new mapping, where the kernel chooses.
        let alias = unsafe {
            mmap(
                None,
                NonZeroUsize::new(CONTENT).expect("not zero"),
                ProtFlags::PROT_READ | ProtFlags::PROT_WRITE,
                MapFlags::MAP_SHARED,
                &content,
                0,
            )
        }
        .context("mmap")?;
        let arena = Self {
            start: BASE + index * WINDOWS * STRIDE,
            content: content.into(),
            alias,
            _empty: empty,
        };
        for role in [Role::Argument, Role::Entries] {
            for first in Half::ALL {
                for second in Half::ALL {
                    let window = number(role, first, second);
                    arena.map(window, 0, first)?;
                    arena.map(window, 1, second)?;
                }
            }
        }
        Ok(arena)
    }

    fn half_at(&self, window: usize, half: usize) -> usize {
        self.start + window * STRIDE + (1 + half) * HALF
    }

    fn map(&self, window: usize, half: usize, kind: Half) -> Result<()> {
        let all = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        let (rights, flags) = match kind {
            Half::Rw | Half::Hole => (all, MapFlags::MAP_SHARED),
            Half::Ro => (ProtFlags::PROT_READ, MapFlags::MAP_SHARED),
            Half::None => (ProtFlags::PROT_NONE, MapFlags::MAP_SHARED),
            Half::Cow => (all, MapFlags::MAP_PRIVATE),
            Half::Gone => return Ok(()),
        };
        let address = NonZeroUsize::new(self.half_at(window, half));
        let length = NonZeroUsize::new(HALF).expect("not zero");
        let flags = flags | MapFlags::MAP_FIXED_NOREPLACE;
        let offset = ((2 * window + half) * HALF) as i64;
        // SAFETY: a new mapping, which replaces none.
        let mapped = unsafe {
            match kind {
                Half::Hole => mmap(address, length, rights, flags, &self._empty, 0),
                _ => mmap(address, length, rights, flags, &self.content, offset),
            }
        };
        mapped.with_context(|| format!("mmap at {address:#x?}"))?;
        Ok(())
    }

    /// The address of a location.
    pub fn spot(&self, role: Role, location: Location) -> Spot {
        let location = location.clamped();
        let address = match location {
            Location::Nowhere(nowhere) => nowhere.address(),
            Location::At(first, second, before) => {
                let border = self.half_at(number(role, first, second), 1);
                (border - before as usize) as u64
            }
        };
        Spot {
            address,
            location,
            role,
        }
    }

    /// The part of a buffer and its margins that has content: offset in the file, length, and bytes
    /// that come before the buffer.
    fn extent(&self, spot: Spot, length: usize) -> Option<(usize, usize, usize)> {
        let Location::At(first, second, before) = spot.location else {
            return None;
        };
        let before = before as usize;
        let start = (2 * number(spot.role, first, second) + 1) * HALF - before;
        let lead = MARGIN.min(HALF - before);
        let trail = MARGIN.min((HALF + before).saturating_sub(length));
        let length = length.min(HALF + before);
        Some((start - lead, lead + length + trail, lead))
    }

    /// Puts a buffer there, whatever the rights.
    pub fn put(&self, spot: Spot, bytes: &[u8]) {
        let Some((offset, length, lead)) = self.extent(spot, bytes.len()) else {
            return;
        };
        let mut whole = vec![CANARY; length];
        let fits = bytes.len().min(length - lead);
        whole[lead..lead + fits].copy_from_slice(&bytes[..fits]);
        // SAFETY: within the alias, whose file is as long as ever: only that of `disturb` changes.
        unsafe {
            copy_nonoverlapping(
                whole.as_ptr(),
                self.alias.as_ptr().cast::<u8>().add(offset),
                length,
            );
        }
    }

    /// Reads a buffer that was `before` when it was put there. Fails where a byte beside it has
    /// changed.
    pub fn get(&self, spot: Spot, before: &[u8]) -> Result<Vec<u8>, String> {
        let Some((offset, length, lead)) = self.extent(spot, before.len()) else {
            return Ok(before.to_vec());
        };
        let mut whole = vec![0; length];
        // SAFETY: as in `put`.
        unsafe {
            copy_nonoverlapping(
                self.alias.as_ptr().cast::<u8>().add(offset),
                whole.as_mut_ptr(),
                length,
            );
        }
        self.see_private(spot, lead, &mut whole);
        if let Some(at) = (0..length)
            .filter(|at| !(lead..lead + before.len()).contains(at))
            .find(|&at| whole[at] != CANARY)
        {
            let at = at as isize - lead as isize;
            return Err(format!("{:?}: the byte at {at} has changed", spot.role));
        }
        let mut after = before.to_vec();
        let fits = before.len().min(length - lead);
        after[..fits].copy_from_slice(&whole[lead..lead + fits]);
        Ok(after)
    }

    /// Replaces the file's content by that of private pages, which written memory has.
    fn see_private(&self, spot: Spot, lead: usize, whole: &mut [u8]) {
        let Location::At(first, second, before) = spot.location else {
            return;
        };
        let border = (lead + before as usize).min(whole.len());
        let window = number(spot.role, first, second);
        let (left, right) = whole.split_at_mut(border);
        for (half, kind, part) in [(0, first, left), (1, second, right)] {
            if kind != Half::Cow || part.is_empty() {
                continue;
            }
            let address = self.half_at(window, half);
            let from = if half == 0 {
                // It ends at the border, unless the whole is shorter.
                spot.address as usize - lead
            } else {
                address
            };
            // SAFETY: within this half, which is readable. Afterwards the next buffer begins
            // without private pages again.
            unsafe {
                copy_nonoverlapping(from as *const u8, part.as_mut_ptr(), part.len());
                let start = NonNull::new(address as *mut c_void).expect("not null");
                madvise(start, HALF, MmapAdvise::MADV_DONTNEED).expect("madvise");
            }
        }
    }

    /// Puts a buffer there while others change the memory, too.
    pub fn put_in_storm(&self, spot: Spot, bytes: &[u8]) {
        if let Some((offset, _, lead)) = self.extent(spot, bytes.len()) {
            // A write to the file, unlike a store through a mapping, can't fail where the file is
            // short.
            let _ = self.content.write_at(bytes, (offset + lead) as u64);
        }
    }

    /// Changes the memory of a window that other threads are using, in the way that `choice` picks.
    /// [`Self::calm`] undoes it.
    pub fn disturb(&self, choice: u64) {
        let window = (choice >> 8) as usize % WINDOWS;
        let half = (choice >> 16) as usize & 1;
        let kinds = (
            Half::ALL[window / Half::ALL.len() % Half::ALL.len()],
            Half::ALL[window % Half::ALL.len()],
        );
        let kind = if half == 0 { kinds.0 } else { kinds.1 };
        let start = NonNull::new(self.half_at(window, half) as *mut c_void).expect("not null");
        let offset = ((2 * window + half) * HALF) as u64;
        let near = if half == 0 {
            HALF as u64 - 1 - ((choice >> 24) & 0x7f)
        } else {
            (choice >> 24) & 0x7f
        };
        // SAFETY: only this arena's windows change, and only the kernel reads them now.
        unsafe {
            match choice % 16 {
                0 => {
                    let _ = ftruncate(&self.content, 0);
                    let _ = ftruncate(&self.content, CONTENT as i64);
                }
                1 => {
                    let _ = ftruncate(&self.content, offset as i64);
                    let _ = ftruncate(&self.content, CONTENT as i64);
                }
                2 | 3 if kind == Half::Rw => {
                    let _ = mprotect(start, HALF, ProtFlags::PROT_NONE);
                    let all = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
                    let _ = mprotect(start, HALF, all);
                }
                4 | 5 if kind == Half::Rw => {
                    let _ = mprotect(start, HALF, ProtFlags::PROT_READ);
                    let all = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
                    let _ = mprotect(start, HALF, all);
                }
                6 if kind == Half::Rw || kind == Half::Cow => {
                    let _ = munmap(start, HALF);
                    let _ = self.map(window, half, kind);
                }
                7 if kind == Half::Cow || kind == Half::Rw => {
                    let _ = madvise(start, HALF, MmapAdvise::MADV_DONTNEED);
                }
                _ => {
                    let byte = [(choice >> 32) as u8 & 0x0f];
                    let _ = self.content.write_at(&byte, offset + near);
                }
            }
        }
    }

    /// Ends what [`Self::disturb`] began.
    pub fn calm(&self) {
        let _ = ftruncate(&self.content, CONTENT as i64);
    }
}

/// A page that children and the parent share.
pub struct SharedPage(NonNull<c_void>);

impl SharedPage {
    pub fn new() -> Result<Self> {
        // SAFETY: a new mapping, where the kernel chooses.
        let page = unsafe {
            mmap_anonymous(
                None,
                NonZeroUsize::new(libc::sysconf(libc::_SC_PAGESIZE) as usize).context("a page")?,
                ProtFlags::PROT_READ | ProtFlags::PROT_WRITE,
                MapFlags::MAP_SHARED,
            )
        }?;
        Ok(Self(page))
    }

    pub fn set(&self, value: i32) {
        // SAFETY: within the page; parent and child take turns.
        unsafe { self.0.as_ptr().cast::<i32>().write_volatile(value) }
    }

    pub fn get(&self) -> i32 {
        // SAFETY: as above.
        unsafe { self.0.as_ptr().cast::<i32>().read_volatile() }
    }
}
