// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Pages`]: memory with chosen rights, for arguments that the kernel must refuse or handle with
//! care.

use atomik_uapi::BatchOp;
use nix::{
    sys::{
        memfd::{MFdFlags, memfd_create},
        mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap, mmap_anonymous, mprotect, munmap},
    },
    unistd::{SysconfVar, ftruncate, sysconf},
};
use std::{
    ffi::c_void,
    fs::File,
    num::NonZeroUsize,
    os::unix::fs::FileExt,
    ptr::{NonNull, copy_nonoverlapping},
    slice::from_raw_parts,
    sync::LazyLock,
};

/// Bytes in a page of this kernel's.
pub fn page_size() -> usize {
    static PAGE: LazyLock<usize> = LazyLock::new(|| {
        let page = sysconf(SysconfVar::PAGE_SIZE).expect("sysconf");
        page.and_then(|page| usize::try_from(page).ok())
            .expect("pages have a size")
    });
    *PAGE
}

/// Below 2 GiB, where a program can also make the calls of 32-bit ones.
#[cfg(target_arch = "x86_64")]
const LOW: MapFlags = MapFlags::MAP_32BIT;
#[cfg(not(target_arch = "x86_64"))]
const LOW: MapFlags = MapFlags::empty();

/// Pages of memory, unmapped when dropped.
pub struct Pages {
    start: NonNull<c_void>,
    len: usize,
    /// The file that the pages are copied from, where there is one.
    content: Option<File>,
}

impl Pages {
    /// Maps `count` pages that can be read and written. Until it's touched, none is there.
    pub fn new(count: usize) -> Self {
        Self::map(count, MapFlags::MAP_PRIVATE)
    }

    /// Maps such pages where the calls of [`crate::compat`] can point to.
    pub fn low(count: usize) -> Self {
        Self::map(count, MapFlags::MAP_PRIVATE | LOW)
    }

    fn map(count: usize, flags: MapFlags) -> Self {
        let len = count * page_size();
        // SAFETY: a new mapping, where the kernel chooses.
        let start = unsafe {
            mmap_anonymous(
                None,
                NonZeroUsize::new(len).expect("at least a page"),
                ProtFlags::PROT_READ | ProtFlags::PROT_WRITE,
                flags,
            )
        }
        .expect("mmap");
        Self {
            start,
            len,
            content: None,
        }
    }

    /// Maps such pages of a file, none of which is there after [`Self::put`]. Reading brings the
    /// file's page in, writing makes a copy of it.
    pub fn low_of_a_file(count: usize) -> Self {
        let len = count * page_size();
        let file = memfd_create(c"pages", MFdFlags::MFD_CLOEXEC).expect("memfd_create");
        ftruncate(&file, len as i64).expect("ftruncate");
        // SAFETY: a new mapping, where the kernel chooses.
        let start = unsafe {
            mmap(
                None,
                NonZeroUsize::new(len).expect("at least a page"),
                ProtFlags::PROT_READ | ProtFlags::PROT_WRITE,
                MapFlags::MAP_PRIVATE | LOW,
                &file,
                0,
            )
        }
        .expect("mmap");
        Self {
            start,
            len,
            content: Some(file.into()),
        }
    }

    /// The address `offset` bytes from the start.
    pub fn at(&self, offset: usize) -> *mut c_void {
        assert!(offset <= self.len);
        self.start.as_ptr().wrapping_byte_add(offset)
    }

    /// Copies structs of the ABI to `offset`.
    pub fn put<T: Copy>(&self, offset: usize, values: &[T]) {
        // SAFETY: `T` is a struct of the ABI, which has no padding, or an integer.
        let bytes: &[u8] = unsafe { from_raw_parts(values.as_ptr().cast(), size_of_val(values)) };
        assert!(offset + bytes.len() <= self.len);
        if let Some(file) = &self.content {
            file.write_all_at(bytes, offset as u64).expect("write");
            // SAFETY: the whole mapping, which has the file's content afterwards.
            unsafe { madvise(self.start, self.len, MmapAdvise::MADV_DONTNEED) }.expect("madvise");
            return;
        }
        // SAFETY: within the mapping, which is writable when the tests call this.
        unsafe { copy_nonoverlapping(bytes.as_ptr(), self.at(offset).cast(), bytes.len()) }
    }

    /// The batch entry at `offset`.
    pub fn entry(&self, offset: usize) -> BatchOp {
        assert!(offset + size_of::<BatchOp>() <= self.len);
        // SAFETY: within the mapping, which is readable when the tests call this.
        unsafe { self.at(offset).cast::<BatchOp>().read_unaligned() }
    }

    /// The word at `offset`.
    pub fn word(&self, offset: usize) -> u64 {
        assert!(offset + size_of::<u64>() <= self.len);
        // SAFETY: as in `entry`.
        unsafe { self.at(offset).cast::<u64>().read_unaligned() }
    }

    /// Changes the rights of the page with this number.
    pub fn protect(&self, page: usize, rights: ProtFlags) {
        let start = NonNull::new(self.at(page * page_size())).expect("not null");
        // SAFETY: a page of the mapping; nothing else refers to it.
        unsafe { mprotect(start, page_size(), rights) }.expect("mprotect");
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: the whole mapping; nothing refers to it any more.
        let _ = unsafe { munmap(self.start, self.len) };
    }
}
