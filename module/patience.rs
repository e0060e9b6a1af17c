// SPDX-License-Identifier: GPL-2.0

//! How often something is tried before a surer way is taken, which costs more.

/// Looks at a slot that others are in, before going to sleep: about as long as that takes.
pub(crate) const ATTEMPTS: u32 = 64;

/// Attempts of SWAP to swap what it has told to userspace, before it stops all others.
pub(crate) const SWAP_ATTEMPTS: u32 = 4;
