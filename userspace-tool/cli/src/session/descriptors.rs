// SPDX-License-Identifier: MIT OR Apache-2.0

//! Closes descriptors that this process was started with and that a session doesn't need.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::libc;

/// Marks all but the standard descriptors close-on-exec, so that programs started later don't get
/// them.
pub fn keep_from_children() -> io::Result<()> {
    let flags = libc::CLOSE_RANGE_CLOEXEC as libc::c_int;
    // SAFETY: it takes three numbers, and with this flag closes nothing.
    let set = unsafe { libc::close_range(3, libc::c_uint::MAX, flags) };
    Errno::result(set).map(drop).map_err(io::Error::from)
}

/// Closes descriptors that were passed to this process by the convention of `LISTEN_FDS`.
///
/// # Safety
///
/// Nothing in this process uses them now or later.
pub unsafe fn close_passed(numbers: Vec<RawFd>) {
    for number in numbers {
        // SAFETY: by the convention they are this process's own; by the contract nothing uses them.
        drop(unsafe { OwnedFd::from_raw_fd(number) });
    }
}
