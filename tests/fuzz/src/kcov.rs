// SPDX-License-Identifier: MIT OR Apache-2.0

//! The kernel's coverage of one thread: the instrumented blocks that its system calls passed.

use anyhow::{Context, Result, bail};
use nix::{
    libc,
    sys::mman::{MapFlags, ProtFlags, mmap},
};
use std::{
    fs::{File, OpenOptions},
    num::NonZeroUsize,
    os::fd::AsRawFd,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

const DEVICE: &str = "/sys/kernel/debug/kcov";
/// Blocks that are recorded between two resets. Later ones are dropped.
const ENTRIES: usize = 1 << 16;

/// `_IOR('c', 1, unsigned long)`
const INIT_TRACE: libc::c_ulong = 0x8008_6301;
/// `_IO('c', 100)`
const ENABLE: libc::c_ulong = 0x6364;
const TRACE_PC: libc::c_ulong = 0;

/// True where this kernel records coverage.
pub fn is_there() -> bool {
    Path::new(DEVICE).exists()
}

/// The recording of the thread that made it, as long as the thread lives.
pub struct Kcov {
    _device: File,
    /// The number of addresses, and then the addresses.
    area: &'static [AtomicU64],
}

impl Kcov {
    /// Starts to record this thread.
    pub fn start() -> Result<Self> {
        let device = OpenOptions::new()
            .read(true)
            .write(true)
            .open(DEVICE)
            .context(DEVICE)?;
        let ioctl = |request, argument: libc::c_ulong| {
            // SAFETY: these requests take numbers.
            let result = unsafe { libc::ioctl(device.as_raw_fd(), request, argument) };
            nix::errno::Errno::result(result)
        };
        ioctl(INIT_TRACE, ENTRIES as libc::c_ulong).context("KCOV_INIT_TRACE")?;
        let length = NonZeroUsize::new(ENTRIES * size_of::<u64>()).expect("not zero");
        // SAFETY: a new mapping, where the kernel chooses.
        let area = unsafe {
            mmap(
                None,
                length,
                ProtFlags::PROT_READ | ProtFlags::PROT_WRITE,
                MapFlags::MAP_SHARED,
                &device,
                0,
            )
        }
        .context("the area of kcov")?;
        if ioctl(ENABLE, TRACE_PC).is_err() {
            bail!("KCOV_ENABLE");
        }
        // SAFETY: the mapping is that long, is never unmapped, and the kernel's stores to it are
        // aligned words.
        let area = unsafe { std::slice::from_raw_parts(area.as_ptr().cast(), ENTRIES) };
        Ok(Self {
            _device: device,
            area,
        })
    }

    /// Forgets what has been recorded.
    pub fn reset(&self) {
        self.area[0].store(0, Ordering::Relaxed);
    }

    /// The addresses of the blocks passed since the last reset, in order.
    pub fn addresses(&self) -> impl Iterator<Item = u64> + '_ {
        let count = self.area[0].load(Ordering::Relaxed) as usize;
        self.area[1..]
            .iter()
            .take(count)
            .map(|address| address.load(Ordering::Relaxed))
    }
}
