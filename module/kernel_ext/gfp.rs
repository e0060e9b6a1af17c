// SPDX-License-Identifier: GPL-2.0

//! The flags of every allocation that a caller can cause.

use core::mem::transmute;
use kernel::{
    alloc::{flags::__GFP_NOWARN, Flags},
    bindings,
    prelude::*,
};

/// Reclaim some memory, then fail. Unlike with plain `GFP_KERNEL`, a charge beyond the limit of the
/// caller's memory cgroup ends in ENOMEM, not in the OOM killer, which might pick an innocent
/// process. And `kvmalloc` takes single pages for a large allocation, rather than have the whole
/// machine compact its memory.
const NORETRY: Flags = {
    let bit: u32 = 1 << bindings::___GFP_NORETRY_BIT;
    // SAFETY: `Flags` is a struct of one `u32`, for which every value is valid. (The kernel crate
    // has no constant for this flag and no other way to make one.) If the sizes differed, this
    // would not compile.
    unsafe { transmute::<u32, Flags>(bit) }
};

/// Charges the caller's memory cgroup, and fails with ENOMEM where that is exhausted, without a
/// message: a caller must not be able to fill the kernel's log.
pub(crate) fn charged() -> Flags {
    GFP_KERNEL_ACCOUNT | NORETRY | __GFP_NOWARN
}
