// SPDX-License-Identifier: GPL-2.0

//! The flags of every allocation that a caller can cause.

use core::mem::transmute;
use kernel::{
    alloc::{flags::__GFP_NOWARN, Flags},
    bindings,
    prelude::*,
};

/// Reclaim some memory, then fail. Unlike with plain `GFP_KERNEL`, a charge that the caller's memory
/// cgroup can't bear ends in ENOMEM and not in the OOM killer, which might pick a process that did
/// nothing; and `kvmalloc` doesn't make the whole machine compact its memory for a large table, but
/// takes single pages.
const NORETRY: Flags = {
    let bit: u32 = 1 << bindings::___GFP_NORETRY_BIT;
    // SAFETY: `Flags` is a struct of one `u32`, for which every value is valid; the kernel crate
    // has no constant for this flag and no other way to make one. Were the sizes to differ, this
    // would not compile.
    unsafe { transmute::<u32, Flags>(bit) }
};

/// Charged to the caller's memory cgroup, failing with ENOMEM where that is exhausted, and quietly:
/// a caller must not be able to fill the kernel's log.
pub(crate) fn charged() -> Flags {
    GFP_KERNEL_ACCOUNT | NORETRY | __GFP_NOWARN
}
