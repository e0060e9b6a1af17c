// SPDX-License-Identifier: GPL-2.0

//! The module's statistics, which are left out: loom's atomics can't be static. The driver's are
//! counters that order nothing.

pub(crate) fn count(_: u32) {}

#[allow(dead_code, reason = "GET_INFO is about the module")]
pub(crate) fn served() -> u64 {
    0
}
