// SPDX-License-Identifier: MIT OR Apache-2.0

//! The parts that `atomikctl` and `atomik-replicate` have in common as commands.

#[cfg(feature = "checks")]
pub mod checks;
pub mod completions;
pub mod man;
pub mod printable;
pub mod seconds;
