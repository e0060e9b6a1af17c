// SPDX-License-Identifier: MIT OR Apache-2.0
//! Has the slab allocator forget what it handed out long ago.
//!
//! It hands out objects from arrays, several for each CPU and size, and leaves their addresses in
//! there till it fills the array again. To the search for leaks that looks as if an object which
//! nobody has any more were still referred to.

use anyhow::{Context, Result, anyhow};
use nix::errno::Errno;
use nix::libc;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use std::ffi::CStr;
use std::fs;
use std::io::ErrorKind;
use std::thread;

/// The sizes of the allocator's objects, in bytes.
const SIZES: [usize; 13] = [
    8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192,
];
/// Objects of each size that are handed out on each CPU: one is enough for an array to be replaced.
const OBJECTS: usize = 4;

/// The calling thread.
const SELF: Pid = Pid::from_raw(0);

/// Has a directory for each cache of the allocator.
const CACHES: &str = "/sys/kernel/slab";

/// Has the allocator empty its arrays, fill others and let go of the old ones.
pub fn churn() -> Result<()> {
    // An array that has been emptied keeps what was in it, and is let go of only when another has
    // taken its place.
    for _ in 0..2 {
        shrink()?;
        allocate_and_free()?;
    }
    shrink()
}

/// Empties the arrays of all caches, and lets go of those that are not in use.
fn shrink() -> Result<()> {
    for cache in fs::read_dir(CACHES).context(CACHES)? {
        let file = cache?.path().join("shrink");
        match fs::write(&file, "1") {
            // One that has gone meanwhile.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            result => result.with_context(|| format!("{file:?}"))?,
        }
    }
    Ok(())
}

/// Allocates and frees objects of all sizes on all CPUs, both those that are charged to a memory
/// cgroup and others: they come from different arrays.
fn allocate_and_free() -> Result<()> {
    // Its groups and its CPU are its own.
    thread::spawn(|| {
        let cpus = sched_getaffinity(SELF)?;
        for cpu in (0..CpuSet::count()).filter(|&cpu| cpus.is_set(cpu) == Ok(true)) {
            let mut one = CpuSet::new();
            one.set(cpu)?;
            sched_setaffinity(SELF, &one)?;
            for size in SIZES {
                for _ in 0..OBJECTS {
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
    /// Bytes that it stores before the groups.
    const HEADER: usize = 8;
    let groups = vec![0 as libc::gid_t; (size - HEADER) / size_of::<libc::gid_t>()];
    // SAFETY: so many groups. The call itself is for this thread alone, unlike the C library's
    // function.
    let result = unsafe { libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr()) };
    Errno::result(result).context("setgroups")?;
    Ok(())
}
