// SPDX-License-Identifier: GPL-2.0

//! Which of several slots a CPU uses, for data that is split so that CPUs don't share cache lines.

use kernel::cpu::{nr_cpu_ids, CpuId};

/// Slots that such data has at most. With more CPUs than that, some share a slot.
pub(crate) const MAX_SLOTS: usize = 16;

/// A value on a cache line of its own.
///
/// 64 bytes is the line of x86-64 and of most others; where it is larger, neighbours share one,
/// which costs time and nothing else.
#[repr(align(64))]
#[pin_init::pin_data]
pub(crate) struct Padded<T> {
    #[pin]
    pub(crate) value: T,
}

/// How many slots this machine's CPUs can use: a power of two, at most [`MAX_SLOTS`].
pub(crate) fn slots_in_use() -> usize {
    (nr_cpu_ids() as usize)
        .checked_next_power_of_two()
        .unwrap_or(MAX_SLOTS)
        .min(MAX_SLOTS)
}

/// The number whose low bits choose the slot of the CPU that runs this.
///
/// The task may move to another CPU at any time: the slot is a hint that avoids contention, and
/// correctness must not depend on it.
#[inline]
pub(crate) fn current_cpu() -> usize {
    CpuId::current().as_u32() as usize
}
