// SPDX-License-Identifier: GPL-2.0

//! Atomic XOR on an [`Atomic`].

use kernel::{bindings, sync::atomic::Atomic};

/// Atomically replaces the value by `value ^ delta`. A full memory barrier.
///
/// A compare-and-exchange loop would repeat under contention. This always succeeds, and is one
/// instruction on x86, where nobody asks for the result.
#[inline]
pub(crate) fn atomic_xor(value: &Atomic<u64>, delta: u64) {
    let (delta, value) = (delta as i64, value.as_ptr().cast());
    // SAFETY: `value` points to a live, aligned 64-bit integer. While it is shared, the kernel
    // accesses it as the content of an `Atomic<u64>` only, so there is no data race in the kernel.
    // Programs that have mapped it may use any instruction, also stores to a part of it. Like a
    // device, they are not part of this program: the compiler assumes nothing about what an atomic
    // operation finds, and any bits are a `u64`. The processor executes an atomic instruction whole
    // with regard to all other accesses to its cache line.
    unsafe {
        if cfg!(CONFIG_X86) {
            // LOCK makes it a full barrier.
            bindings::atomic64_xor(delta, value);
        } else {
            bindings::atomic64_fetch_xor(delta, value);
        }
    }
}
