// SPDX-License-Identifier: MIT OR Apache-2.0

//! Descriptors that this process was started with, and that a session has no use for.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::libc;

/// Has the programs that this process starts from now on get no descriptors but the standard ones.
pub fn keep_from_children() -> io::Result<()> {
    let flags = libc::CLOSE_RANGE_CLOEXEC as libc::c_int;
    // SAFETY: it takes three numbers, and closes nothing of this process: it sets a flag.
    let set = unsafe { libc::close_range(3, libc::c_uint::MAX, flags) };
    Errno::result(set).map(drop).map_err(io::Error::from)
}

/// Closes descriptors that this process was passed by the convention of `LISTEN_FDS`.
///
/// # Safety
///
/// Nothing in this process uses them, or will.
pub unsafe fn close_passed(numbers: Vec<RawFd>) {
    for number in numbers {
        // SAFETY: by the convention they are this process's own; the caller says the rest.
        drop(unsafe { OwnedFd::from_raw_fd(number) });
    }
}
