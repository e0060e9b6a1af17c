// SPDX-License-Identifier: MIT OR Apache-2.0

//! The system call, as 64-bit and as 32-bit programs make it.

use crate::injection::Kind;
use atomik_test_support::raw::RawFile;
use nix::{errno::Errno, libc};
use std::{arch::asm, ffi::c_void, os::fd::AsRawFd};

/// How a call enters the kernel.
#[derive(Clone, Copy, Debug)]
pub enum Entry {
    Native,
    /// As a 32-bit program's.
    Compat,
}

impl Entry {
    const ALL: [Self; 2] = [Self::Native, Self::Compat];

    /// Each way in, with each kind of fault.
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
                let result = ioctl32(file.0.as_raw_fd(), command, arg);
                if result < 0 {
                    return Err(Errno::from_raw(-result));
                }
                Ok(())
            }
        }
    }
}

/// `ioctl` by the gate of 32-bit programs, which 64-bit ones may use as well.
fn ioctl32(fd: i32, command: u32, arg: *mut c_void) -> i32 {
    /// The number that `ioctl` has there.
    const IOCTL: i32 = 54;
    let arg = u32::try_from(arg.addr()).expect("an address of 32 bits");
    let result;
    // SAFETY: the kernel checks the argument, as in `RawFile::ioctl_at`. It keeps all registers but
    // those named; rbx, which the compiler keeps for itself, is put back.
    unsafe {
        asm!(
            "xchg {fd:r}, rbx",
            "int 0x80",
            "xchg {fd:r}, rbx",
            fd = inout(reg) u64::from(fd as u32) => _,
            inlateout("eax") IOCTL => result,
            in("ecx") command,
            in("edx") arg,
            lateout("r8") _, lateout("r9") _, lateout("r10") _, lateout("r11") _,
        );
    }
    result
}

/// `close`, which may not fail.
pub fn close(file: RawFile) -> Result<(), Errno> {
    use std::os::fd::IntoRawFd;
    // SAFETY: the descriptor is this function's alone.
    Errno::result(unsafe { libc::close(file.0.into_raw_fd()) }).map(drop)
}
