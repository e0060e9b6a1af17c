// SPDX-License-Identifier: GPL-2.0

//! Memory barriers, of which the driver has one.

/// The kind of a barrier that orders stores.
pub struct Write;

/// A barrier between CPUs.
pub fn smp_mb(_: Write) {
    crate::atomic::write_barrier();
}
