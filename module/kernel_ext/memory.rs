// SPDX-License-Identifier: GPL-2.0

//! The size of the machine's memory.

use core::mem::MaybeUninit;
use kernel::{bindings, page::PAGE_SIZE};

/// Bytes of memory that the kernel has.
pub(crate) fn total() -> u64 {
    let mut info = MaybeUninit::<bindings::sysinfo>::zeroed();
    // SAFETY: `info` has room for what the function writes, and all zero is a valid `sysinfo`.
    let info = unsafe {
        bindings::si_meminfo(info.as_mut_ptr());
        info.assume_init()
    };
    (info.totalram as u64).saturating_mul(PAGE_SIZE as u64)
}
