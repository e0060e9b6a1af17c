// SPDX-License-Identifier: GPL-2.0

//! [`Charge`], a share of the module's limit on the memory used for all open files together.

use crate::{kernel_ext::memory, logic::limit};
use kernel::{
    prelude::*,
    sync::atomic::{Atomic, Relaxed},
};

/// The limit in bytes. Written once, before the device is registered.
static LIMIT: Atomic<u64> = Atomic::new(0);

/// Bytes in use: the sum of all live [`Charge`]s.
static USED: Atomic<u64> = Atomic::new(0);

/// Sets the limit, in KiB, or the default for this machine.
pub(crate) fn set_kib(kib: i64) {
    LIMIT.store(limit::bytes(kib, memory::total()), Relaxed);
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
    /// Charges for an allocation of `bytes`, rounded up to a power of two as by the kernel's
    /// allocator. Fails with ENOMEM where the limit does not allow it.
    pub(crate) fn new(bytes: usize) -> Result<Self> {
        let bytes = (bytes as u64).checked_next_power_of_two().ok_or(ENOMEM)?;
        // Relaxed, here and below: only the sum matters, and each of its changes is atomic.
        let mut used = USED.load(Relaxed);
        loop {
            let total = used.checked_add(bytes).ok_or(ENOMEM)?;
            if total > LIMIT.load(Relaxed) {
                return Err(ENOMEM);
            }
            match USED.cmpxchg(used, total, Relaxed) {
                // INVARIANT: `USED` has grown by `bytes`.
                Ok(_) => return Ok(Self { bytes }),
                Err(now) => used = now,
            }
        }
    }

    /// Gives half of the charge back, as half of the allocation is freed.
    pub(crate) fn halve(&mut self) {
        let half = self.bytes / 2;
        // INVARIANT: `USED` still includes the rest.
        USED.fetch_sub(half, Relaxed);
        self.bytes = self.bytes.wrapping_sub(half);
    }

    /// How many bytes are charged.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        // Doesn't wrap: by the invariant the sum is at least `bytes`.
        USED.fetch_sub(self.bytes, Relaxed);
    }
}
