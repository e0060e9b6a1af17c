// SPDX-License-Identifier: MIT OR Apache-2.0

//! Descriptors of programs: how they are opened and duplicated.

use crate::program::{Access, Other};
use atomik_test_support::raw;
use atomik_uapi as uapi;
use nix::{
    errno::Errno,
    fcntl::{FcntlArg, OFlag, fcntl, open},
    libc,
    sys::stat::Mode,
};
use std::os::fd::OwnedFd;

/// The lowest descriptor of a program, so that none of theirs is one of ours.
const FIRST_DESCRIPTOR: i32 = 100;

/// The numbers that one thread gives its new descriptors.
///
/// No other thread's are among them. Where a call takes its number late, it could otherwise get
/// that of a descriptor which another thread closed after the call had done its work, and no order
/// of whole calls would explain that.
#[derive(Clone, Copy)]
pub struct Numbers(i32);

impl Numbers {
    /// Those of thread `number`, of which no program's thread makes more than fit.
    pub fn of_thread(number: usize) -> Self {
        const EACH: i32 = 100;
        Self(FIRST_DESCRIPTOR + EACH * number as i32)
    }

    /// Gives a new descriptor one of the numbers.
    pub fn settle(self, new: OwnedFd) -> Result<i32, Errno> {
        fcntl(&new, FcntlArg::F_DUPFD_CLOEXEC(self.0))
    }

    /// Duplicates a descriptor of a program.
    pub fn duplicate(self, fd: i32) -> Result<i32, Errno> {
        // SAFETY: the kernel checks the number.
        Errno::result(unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, self.0) })
    }
}

/// Opens the device.
pub fn open_device(access: Access) -> Result<OwnedFd, Errno> {
    let flags = match access {
        Access::Rdonly => OFlag::O_RDONLY,
        Access::Wronly => OFlag::O_WRONLY,
        Access::Rdwr => OFlag::O_RDWR,
        Access::Neither => OFlag::O_ACCMODE,
        Access::Path => OFlag::O_PATH,
    };
    raw::open_device_with(flags).map(|file| file.0)
}

/// Opens the file of a descriptor once more.
pub fn reopen(fd: i32) -> Result<OwnedFd, Errno> {
    let path = format!("/proc/self/fd/{fd}");
    let flags = OFlag::O_RDWR | OFlag::O_CLOEXEC;
    open(path.as_str(), flags, Mode::empty())
}

/// Makes a system call that the device does not have.
pub fn attempt(fd: i32, other: Other) -> Errno {
    let mut byte = 0u8;
    let buffer = (&raw mut byte).cast();
    // SAFETY: the kernel checks the descriptor, and the buffer is a byte; a mapping, were there
    // one, would be new.
    let result = unsafe {
        match other {
            Other::Read => libc::read(fd, buffer, 1),
            Other::Write => libc::write(fd, buffer, 1),
            Other::Mmap => {
                let null = std::ptr::null_mut();
                libc::mmap(null, 4096, libc::PROT_READ, libc::MAP_SHARED, fd, 0) as isize
            }
        }
    };
    Errno::result(result).err().unwrap_or(Errno::UnknownErrno)
}

/// Reads up to `count` bytes to an address.
pub fn read(fd: i32, address: u64, count: usize) -> Result<usize, Errno> {
    // SAFETY: the kernel checks the address. All memory that it may write there is an arena's.
    let read = unsafe { libc::read(fd, address as *mut libc::c_void, count) };
    Errno::result(read).map(|read| read as usize)
}

/// What a descriptor is ready for now.
pub fn poll(fd: i32) -> Result<i32, Errno> {
    let mut poll = libc::pollfd {
        fd,
        events: libc::POLLIN | libc::POLLOUT | libc::POLLPRI | libc::POLLRDNORM | libc::POLLWRNORM,
        revents: 0,
    };
    loop {
        // SAFETY: it is one descriptor.
        match Errno::result(unsafe { libc::poll(&raw mut poll, 1, 0) }) {
            // It is, where a signal comes and there is nothing to tell.
            Err(Errno::EINTR) => {}
            result => return result.map(|_| poll.revents.into()),
        }
    }
}

/// Takes note of a watch that has just been made with these flags, and has it never wait.
pub fn check_and_set_nonblocking(watch: &OwnedFd, flags: u32) -> Result<(), String> {
    let get_and_set = || {
        let found = OFlag::from_bits_retain(fcntl(watch, FcntlArg::F_GETFL)?);
        fcntl(watch, FcntlArg::F_SETFL(found | OFlag::O_NONBLOCK))?;
        Ok(found)
    };
    let found: Result<OFlag, Errno> = get_and_set();
    let asked = flags & uapi::WATCH_NONBLOCK != 0;
    match found {
        Ok(found) if found.contains(OFlag::O_NONBLOCK) == asked => Ok(()),
        found => Err(format!(
            "WATCH with flags {flags:#x} has made one with {found:?}"
        )),
    }
}

/// Closes those of programs.
pub fn close_all() {
    // SAFETY: these are descriptors of programs; nobody else holds on to them.
    unsafe { libc::close_range(FIRST_DESCRIPTOR as u32, u32::MAX, 0) };
}
