// SPDX-License-Identifier: MIT OR Apache-2.0
//! A BPF array map, by its system call and mapped: shared kernel state without a driver.

use crate::shared::Words;
use nix::errno::Errno;
use nix::libc;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// `enum bpf_cmd`, in part.
const MAP_CREATE: u32 = 0;
const MAP_LOOKUP_ELEM: u32 = 1;
const MAP_UPDATE_ELEM: u32 = 2;
const MAP_UPDATE_BATCH: u32 = 26;
/// `enum bpf_map_type`, in part.
const MAP_TYPE_ARRAY: u32 = 2;
/// A flag of `MAP_CREATE`: programs may map the values.
const F_MMAPABLE: u32 = 1 << 10;

/// The parts of `union bpf_attr` that the commands above take.
#[repr(C)]
struct Create {
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    map_flags: u32,
}

#[repr(C)]
struct Element {
    map_fd: u32,
    padding: u32,
    key: u64,
    value: u64,
    flags: u64,
}

#[repr(C)]
struct Batch {
    in_batch: u64,
    out_batch: u64,
    keys: u64,
    values: u64,
    count: u32,
    map_fd: u32,
    elem_flags: u64,
    flags: u64,
}

/// A map from `u32` to `u64`.
pub struct ArrayMap {
    descriptor: OwnedFd,
    entries: u32,
}

impl ArrayMap {
    pub fn new(max_entries: u32) -> Result<Self, Errno> {
        let mut create = Create {
            map_type: MAP_TYPE_ARRAY,
            key_size: size_of::<u32>() as u32,
            value_size: size_of::<u64>() as u32,
            max_entries,
            map_flags: F_MMAPABLE,
        };
        let descriptor = Errno::result(bpf(MAP_CREATE, &mut create))?;
        Ok(Self {
            // SAFETY: the kernel has just made it, for this.
            descriptor: unsafe { OwnedFd::from_raw_fd(descriptor as i32) },
            entries: max_entries,
        })
    }

    /// The values, mapped.
    pub fn mapped(&self) -> Result<Words, Errno> {
        Words::map(&self.descriptor, self.entries as usize)
    }

    #[inline]
    pub fn update(&self, key: u32, value: u64) {
        let mut element = self.element(&key, (&raw const value) as u64);
        assert_eq!(bpf(MAP_UPDATE_ELEM, &mut element), 0);
    }

    #[inline]
    pub fn lookup(&self, key: u32) -> u64 {
        let mut value = 0u64;
        let mut element = self.element(&key, (&raw mut value) as u64);
        assert_eq!(bpf(MAP_LOOKUP_ELEM, &mut element), 0);
        value
    }

    pub fn update_batch(&self, keys: &[u32], values: &[u64]) {
        assert_eq!(keys.len(), values.len());
        let mut batch = Batch {
            in_batch: 0,
            out_batch: 0,
            keys: keys.as_ptr() as u64,
            values: values.as_ptr() as u64,
            count: keys.len() as u32,
            map_fd: self.descriptor.as_raw_fd() as u32,
            elem_flags: 0,
            flags: 0,
        };
        assert_eq!(bpf(MAP_UPDATE_BATCH, &mut batch), 0);
        assert_eq!(batch.count as usize, keys.len());
    }

    fn element(&self, key: &u32, value: u64) -> Element {
        Element {
            map_fd: self.descriptor.as_raw_fd() as u32,
            padding: 0,
            key: (key as *const u32) as u64,
            value,
            flags: 0,
        }
    }
}

/// The system call, which no crate wraps without an ELF loader for programs.
#[inline]
fn bpf<T>(command: u32, attributes: &mut T) -> i64 {
    let attributes: *mut T = attributes;
    // SAFETY: the struct is what the command takes, and the memory that it points to is alive.
    unsafe { libc::syscall(libc::SYS_bpf, command, attributes, size_of::<T>()) }
}
