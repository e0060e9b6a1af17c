// SPDX-License-Identifier: GPL-2.0

//! Stands in for the driver's file of this name, with a lower number, so that all interleavings can
//! be tried.

pub(crate) const SLOT_POLLS: u32 = 1;
