// SPDX-License-Identifier: GPL-2.0

//! How many operations the module has served.

use crate::cpu_slot::{current_cpu, Padded, MAX_SLOTS};
use kernel::sync::atomic::{Atomic, Relaxed};

/// One counter for each slot, so that counting moves no cache line between CPUs.
static SERVED: [Padded<Atomic<u64>>; MAX_SLOTS] = [const {
    Padded {
        value: Atomic::new(0),
    }
}; MAX_SLOTS];

/// Counts `n` operations as served.
#[inline]
pub(crate) fn count(n: u32) {
    if let Some(counter) = SERVED.get(current_cpu() % MAX_SLOTS) {
        // Relaxed: a statistic, which orders nothing.
        counter.value.add(u64::from(n), Relaxed);
    }
}

/// Operations served since the module was loaded.
pub(crate) fn served() -> u64 {
    SERVED.iter().fold(0, |sum, counter| {
        sum.wrapping_add(counter.value.load(Relaxed))
    })
}
