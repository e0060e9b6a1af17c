// SPDX-License-Identifier: MIT OR Apache-2.0
//! Has a kernel that can look for memory that nothing refers to any more, such as the debug kernel.
//! Its findings are in its log, where the host looks for complaints.

use crate::churn::churn;
use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::kmod::{DeleteModuleFlags, delete_module};
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

const KMEMLEAK: &str = "/sys/kernel/debug/kmemleak";
/// Whether each object found is told, with the function that allocated it.
const VERBOSE: &str = "/sys/module/kmemleak/parameters/verbose";
/// Kmemleak takes no object for lost that is younger than five seconds.
const MIN_AGE: Duration = Duration::from_secs(6);
/// An object may still be referred to from a stale word, which is gone a scan later.
const SCANS: usize = 2;
/// Files that were on their way between processes are closed by the kernel in its own time.
const UNLOAD_LIMIT: Duration = Duration::from_secs(30);

/// Unloads the driver, and has the kernel look for what it has left. To be called when no process
/// is left.
pub fn look() -> Result<()> {
    if !Path::new(KMEMLEAK).exists() {
        return Ok(());
    }
    if let Err(error) = unload() {
        fs::write(
            "/dev/kmsg",
            format!("<3>BUG: atomik can't be unloaded: {error}\n"),
        )?;
    }
    fs::write(VERBOSE, "1").context(VERBOSE)?;
    thread::sleep(MIN_AGE);
    churn().context("making the allocator forget")?;
    for _ in 0..SCANS {
        fs::write(KMEMLEAK, "scan").context(KMEMLEAK)?;
    }
    Ok(())
}

fn unload() -> nix::Result<()> {
    let deadline = Instant::now() + UNLOAD_LIMIT;
    let flags = DeleteModuleFlags::from_bits_retain(OFlag::O_NONBLOCK.bits());
    loop {
        match delete_module(c"atomik", flags) {
            // The command may have unloaded it.
            Ok(()) | Err(Errno::ENOENT) => return Ok(()),
            Err(Errno::EWOULDBLOCK) if Instant::now() < deadline => {
                thread::sleep(Duration::from_millis(50));
            }
            Err(error) => return Err(error),
        }
    }
}
