// SPDX-License-Identifier: GPL-2.0

//! The write barrier, which the kernel crate has under another name in each series.

use kernel::bindings;

/// Orders stores before it before those after it, for other CPUs with a read barrier. On x86 only
/// the compiler needs to be told.
#[inline]
pub(crate) fn write_barrier() {
    // SAFETY: it accesses nothing.
    unsafe { bindings::smp_wmb() };
}
