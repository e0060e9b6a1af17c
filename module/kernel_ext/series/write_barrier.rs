// SPDX-License-Identifier: GPL-2.0

//! The write barrier, which the kernel crate has under another name in 7.2.

/// Orders stores before it before those after it, for other CPUs with a read barrier. On x86 only
/// the compiler needs to be told.
#[inline]
pub(crate) fn write_barrier() {
    #[cfg(linux_7_2)]
    kernel::sync::barrier::smp_wmb();
    #[cfg(not(linux_7_2))]
    kernel::sync::barrier::smp_mb(kernel::sync::barrier::Write);
}
