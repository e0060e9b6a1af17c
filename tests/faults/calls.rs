// SPDX-License-Identifier: MIT OR Apache-2.0

//! The system call, as 64-bit and as 32-bit programs make it.

use crate::injection::Kind;
use atomik_test_support::{compat, raw::RawFile};
use nix::{errno::Errno, libc};
use std::{ffi::c_void, os::fd::AsRawFd};

/// Entry of a call into the kernel.
#[derive(Clone, Copy, Debug)]
pub enum Entry {
    Native,
    /// The entry of 32-bit programs.
    Compat,
}

impl Entry {
    const ALL: [Self; 2] = [Self::Native, Self::Compat];

    /// Each entry with each kind of fault.
    pub fn with_each_kind() -> impl Iterator<Item = (Self, Kind)> {
        Self::ALL
            .into_iter()
            .flat_map(|entry| Kind::ALL.map(|kind| (entry, kind)))
    }

    pub fn name(self, command: &str) -> String {
        match self {
            Self::Native => command.into(),
            Self::Compat => format!("{command}, 32 bits"),
        }
    }

    /// `ioctl`. The argument is in low memory.
    pub fn ioctl(self, file: &RawFile, command: u32, arg: *mut c_void) -> Result<(), Errno> {
        match self {
            Self::Native => file.ioctl_at(command, arg),
            Self::Compat => {
                assert!(u32::try_from(arg.addr()).is_ok(), "an address of 32 bits");
                compat::ioctl(file.0.as_raw_fd(), command, arg.addr() as u64)
            }
        }
    }
}

/// `close`, which may not fail.
pub fn close(file: RawFile) -> Result<(), Errno> {
    use std::os::fd::IntoRawFd;
    // SAFETY: the descriptor is this function's alone.
    Errno::result(unsafe { libc::close(file.0.into_raw_fd()) }).map(drop)
}
