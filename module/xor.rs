// SPDX-License-Identifier: GPL-2.0

//! Atomic XOR, which the kernel crate's [`Atomic`] lacks.

use kernel::{bindings, sync::atomic::Atomic};

/// Atomically replaces the value by `value ^ delta`. A full memory barrier.
///
/// A compare-and-exchange loop would serve too, but under contention it repeats; this always
/// succeeds, and where the result is not asked for it is one instruction on x86.
#[inline]
pub(crate) fn atomic_xor(value: &Atomic<u64>, delta: u64) {
    let (delta, value) = (delta as i64, value.as_ptr().cast());
    // SAFETY: `value` points to a live, aligned 64-bit integer. The kernel accesses it, while it is
    // shared, as the content of an `Atomic<u64>`, so that there is no data race in the kernel.
    // Where programs have mapped it, they access it too, by any instruction, also by stores to a
    // part of it. They are no part of this program, as a device would not be: the compiler has to
    // assume nothing about what an atomic operation finds, and any bits are a `u64`. Theirs and
    // this change one word one after the other, as the processor makes an atomic instruction whole
    // for whatever else is done to its cache line.
    unsafe {
        if cfg!(CONFIG_X86) {
            // LOCK makes it a full barrier.
            bindings::atomic64_xor(delta, value);
        } else {
            bindings::atomic64_fetch_xor(delta, value);
        }
    }
}
