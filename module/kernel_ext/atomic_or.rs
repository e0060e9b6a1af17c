// SPDX-License-Identifier: GPL-2.0

//! Atomic OR on an [`Atomic`].

use kernel::{bindings, sync::atomic::Atomic};

/// Atomically sets `bits` in the value. Orders nothing.
#[inline]
pub(crate) fn atomic_or(value: &Atomic<u64>, bits: u64) {
    // SAFETY: `value` points to a live, aligned 64-bit integer, which the kernel accesses as the
    // content of an `Atomic<u64>` only.
    unsafe { bindings::atomic64_or(bits as i64, value.as_ptr().cast()) }
}
