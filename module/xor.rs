// SPDX-License-Identifier: GPL-2.0

//! Atomic XOR, which the kernel crate's [`Atomic`] lacks.

use kernel::{bindings, sync::atomic::Atomic};

/// Atomically replaces the value by `value ^ delta`, without ordering other accesses.
///
/// A compare-and-exchange loop would serve too, but under contention it repeats; this is one
/// instruction on x86, and it always succeeds.
#[inline]
pub(crate) fn atomic_xor(value: &Atomic<u64>, delta: u64) {
    // SAFETY: `as_ptr` points to a live, aligned 64-bit integer which, as the content of an
    // `Atomic<u64>`, is accessed by the kernel's `atomic64_*()` alone while it is shared.
    unsafe { bindings::atomic64_xor(delta as i64, value.as_ptr().cast()) };
}
