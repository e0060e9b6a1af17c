// SPDX-License-Identifier: MIT OR Apache-2.0
//! The system call that most cases are about.

use atomik_test_support::raw::RawFile;
use atomik_uapi as uapi;
use nix::libc;
use std::os::fd::AsRawFd;

/// A command that the driver doesn't know.
pub const UNKNOWN: u32 = ((uapi::IOC_MAGIC as u32) << 8) | 0x7f;

/// Makes an ioctl as a C program does.
#[inline]
pub fn ioctl<T>(file: &RawFile, command: u32, argument: &mut T) -> i32 {
    let argument: *mut T = argument;
    // SAFETY: `argument` is a struct of the ABI that fits the command.
    unsafe { libc::ioctl(file.0.as_raw_fd(), command.into(), argument) }
}
