// SPDX-License-Identifier: MIT OR Apache-2.0
//! Has the slab allocator forget what it handed out long ago.
//!
//! It hands out objects from arrays, several for each CPU and size, and leaves their addresses in there till it fills the
//! array again. To the search for leaks that looks as if an object which nobody has any more were still referred to.

use anyhow::{Context, Result, anyhow};
use nix::errno::Errno;
use nix::libc;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use std::ffi::CStr;
use std::thread;

/// The sizes of the allocator's objects, in bytes.
const SIZES: [usize; 13] = [
    8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192,
];
/// Objects of a size that are handed out on each CPU: eight times what an array of them has room for. Those of large objects
/// are short, which is as well: large ones take long under the kernel's checkers.
fn objects(size: usize) -> usize {
    let room = match size {
        0..256 => 62,
        256..1024 => 30,
        1024..4096 => 14,
        _ => 6,
    };
    8 * room
}

/// The calling thread.
const SELF: Pid = Pid::from_raw(0);

/// Allocates and frees objects of all sizes on all CPUs, both those that are charged to a memory cgroup and others: they
/// come from different arrays.
pub fn churn() -> Result<()> {
    // Its groups and its CPU are its own.
    thread::spawn(|| {
        let cpus = sched_getaffinity(SELF)?;
        for cpu in (0..CpuSet::count()).filter(|&cpu| cpus.is_set(cpu) == Ok(true)) {
            let mut one = CpuSet::new();
            one.set(cpu)?;
            sched_setaffinity(SELF, &one)?;
            for size in SIZES {
                for _ in 0..objects(size) {
                    plain(size)?;
                    charged(size)?;
                }
            }
        }
        Ok(())
    })
    .join()
    .map_err(|_| anyhow!("the thread panicked"))?
}

/// Has the kernel allocate so many bytes for the value of an attribute that isn't there.
fn plain(size: usize) -> Result<()> {
    const ROOT: &CStr = c"/";
    const NAME: &CStr = c"user.none";
    let mut value = vec![0u8; size];
    // SAFETY: two strings, and a buffer of that size.
    let result = unsafe {
        libc::getxattr(
            ROOT.as_ptr(),
            NAME.as_ptr(),
            value.as_mut_ptr().cast(),
            size,
        )
    };
    match Errno::result(result) {
        Ok(_) | Err(Errno::ENODATA | Errno::EOPNOTSUPP) => Ok(()),
        Err(error) => Err(error).context("getxattr"),
    }
}

/// Has the kernel allocate so many bytes for the groups of this thread, which are charged.
fn charged(size: usize) -> Result<()> {
    /// What it stores before the groups.
    const HEADER: usize = 8;
    let groups = vec![0 as libc::gid_t; (size - HEADER) / size_of::<libc::gid_t>()];
    // SAFETY: so many groups. The call itself is for this thread alone, unlike the C library's function.
    let result = unsafe { libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr()) };
    Errno::result(result).context("setgroups")?;
    Ok(())
}
