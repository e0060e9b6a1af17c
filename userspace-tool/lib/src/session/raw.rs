// SPDX-License-Identifier: MIT OR Apache-2.0

//! System calls that neither the standard library nor nix has without `unsafe`.

use std::cmp::Ordering;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::libc;

/// A descriptor: its process and its number there.
pub type Descriptor = (i32, i32);

/// The kernel's order of the open files of two descriptors: equal where they are the same. None
/// where one of them is gone, or this process may not inspect it.
pub fn compare((pid, fd): Descriptor, (other_pid, other_fd): Descriptor) -> Option<Ordering> {
    /// Of `linux/kcmp.h`.
    const KCMP_FILE: libc::c_int = 0;
    // SAFETY: kcmp takes five numbers and accesses no memory of this process.
    let order = unsafe { libc::syscall(libc::SYS_kcmp, pid, other_pid, KCMP_FILE, fd, other_fd) };
    match order {
        0 => Some(Ordering::Equal),
        1 => Some(Ordering::Less),
        2 => Some(Ordering::Greater),
        _ => None,
    }
}

/// Opens a process, for [`duplicate`].
pub fn open_process(pid: i32) -> nix::Result<OwnedFd> {
    // SAFETY: pidfd_open takes two numbers; it returns -1, or a new descriptor.
    unsafe { made(libc::syscall(libc::SYS_pidfd_open, pid, 0)) }
}

/// Duplicates a descriptor of another process into this one, close-on-exec.
pub fn duplicate(process: &OwnedFd, fd: RawFd) -> nix::Result<OwnedFd> {
    // SAFETY: pidfd_getfd takes three numbers; it returns -1, or a new descriptor.
    unsafe {
        made(libc::syscall(
            libc::SYS_pidfd_getfd,
            process.as_raw_fd(),
            fd,
            0,
        ))
    }
}

/// Takes the descriptor that a system call has made.
///
/// # Safety
///
/// `answer` is from a system call that returns -1 or a new descriptor, and is used only here.
unsafe fn made(answer: libc::c_long) -> nix::Result<OwnedFd> {
    let number = RawFd::try_from(Errno::result(answer)?).map_err(|_| Errno::EBADF)?;
    // SAFETY: the descriptor is new, and by this function's contract nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}
