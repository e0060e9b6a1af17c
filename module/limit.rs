// SPDX-License-Identifier: GPL-2.0

//! The module's own limit on the memory that all open files together make the driver use.

use crate::logic::limit;
use core::{borrow::Borrow, mem::MaybeUninit};
use kernel::{
    bindings,
    page::PAGE_SIZE,
    prelude::*,
    sync::atomic::{Atomic, Relaxed},
};

/// Bytes that may be used. Written once, before the device is registered.
static LIMIT: Atomic<u64> = Atomic::new(0);

/// Bytes that are used: the sum of all live [`Charge`]s.
static USED: Atomic<u64> = Atomic::new(0);

/// The value of a module parameter, which 7.2 hands out by reference and 7.3 by value.
pub(crate) fn parameter(value: impl Borrow<i64>) -> i64 {
    *value.borrow()
}

/// Sets the limit, in KiB, or the default for this machine.
pub(crate) fn set_kib(kib: i64) {
    LIMIT.store(limit::bytes(kib, memory()), Relaxed);
}

/// Bytes of memory that the kernel has.
fn memory() -> u64 {
    let mut info = MaybeUninit::<bindings::sysinfo>::zeroed();
    // SAFETY: room for what it writes; all zero is a value to begin with.
    let info = unsafe {
        bindings::si_meminfo(info.as_mut_ptr());
        info.assume_init()
    };
    (info.totalram as u64).saturating_mul(PAGE_SIZE as u64)
}

/// Bytes that count against the limit until this is dropped.
///
/// # Invariants
///
/// [`USED`] includes `bytes`.
pub(crate) struct Charge {
    bytes: u64,
}

impl Charge {
    /// Charges for an allocation of `bytes`, or fails with ENOMEM where the limit does not allow
    /// it.
    ///
    /// What counts is the power of two that the kernel's allocator rounds up to.
    pub(crate) fn new(bytes: usize) -> Result<Self> {
        let bytes = (bytes as u64).checked_next_power_of_two().ok_or(ENOMEM)?;
        // Relaxed, here and in `drop`: only the sum matters, and each of its changes is atomic.
        let mut used = USED.load(Relaxed);
        loop {
            let total = used.checked_add(bytes).ok_or(ENOMEM)?;
            if total > LIMIT.load(Relaxed) {
                return Err(ENOMEM);
            }
            match USED.cmpxchg(used, total, Relaxed) {
                // INVARIANT: `USED` has just grown by `bytes`.
                Ok(_) => return Ok(Self { bytes }),
                Err(now) => used = now,
            }
        }
    }

    /// How many bytes are charged.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        // By the invariant the sum is at least `bytes`, so this does not wrap.
        USED.fetch_sub(self.bytes, Relaxed);
    }
}
