// SPDX-License-Identifier: GPL-2.0

//! How often a cheap way is tried before a dearer one that can't fail.
//!
//! These numbers have a file of their own because the loom check puts lower ones in its place, with
//! which all interleavings can be tried.

/// How often to poll an occupied slot before sleeping; costs about one sleep and wake-up.
pub(crate) const SLOT_POLLS: u32 = 64;
