// SPDX-License-Identifier: GPL-2.0

//! The lock around each table, and its parts.

pub(crate) mod brlock;
mod cpu_slot;
mod slot;
