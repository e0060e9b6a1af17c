// SPDX-License-Identifier: GPL-2.0

//! The choice of a slot by CPU, for data that is split so that CPUs share no cache line.

use kernel::cpu::CpuId;

/// The number of slots for CPUs. On machines with more CPUs, some share a slot.
pub(crate) const CPU_SLOTS: usize = 16;

/// A value on a cache line of its own.
///
/// 64 bytes is the line of x86-64 and of most others. Where lines are larger, neighbours share one,
/// which costs time and nothing else.
#[repr(align(64))]
#[pin_init::pin_data]
pub(crate) struct Padded<T> {
    #[pin]
    pub(crate) value: T,
}

/// The number of the current CPU, whose low bits choose its slot.
///
/// The task may move to another CPU at any time. The slot only avoids contention; correctness must
/// not depend on it.
#[inline]
pub(crate) fn current_cpu() -> usize {
    CpuId::current().as_u32() as usize
}
