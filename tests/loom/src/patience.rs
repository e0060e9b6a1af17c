// SPDX-License-Identifier: GPL-2.0

//! How often something is tried before a surer way is taken: less often than in the driver, so that
//! all interleavings can be tried.

pub(crate) const ATTEMPTS: u32 = 1;
pub(crate) const SWAP_ATTEMPTS: u32 = 2;
