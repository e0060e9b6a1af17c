// SPDX-License-Identifier: GPL-2.0

//! The number of times that a cheap way is tried before a dearer one that can't fail.
//!
//! It has a file of its own because the loom check puts a lower number in its place, with which all
//! interleavings can be tried.

/// How often to poll an occupied slot before sleeping; costs about one sleep and wake-up.
pub(crate) const SLOT_POLLS: u32 = 64;
