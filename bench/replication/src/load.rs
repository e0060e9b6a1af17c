// SPDX-License-Identifier: MIT OR Apache-2.0
//! The loads that all are measured under.

/// Contexts of the large table: the most that one has, for 64 nodes.
pub const CONTEXTS: u32 = 21_630;
/// Contexts of the small one.
pub const FEW: u32 = 64;
/// Changed contexts of which messages and bytes are told.
pub const CHANGED: [u32; 6] = [1, 16, 256, 1_360, 4_096, CONTEXTS];
/// Those of which instructions are counted.
pub const COUNTED: [u32; 4] = [1, 16, 256, 1_360];
/// Changes that are caught up with, and the contexts or keys on which they are.
pub const CAUGHT_UP: u32 = 65_536;
pub const SPREAD: u32 = 16_384;
/// Changes of a message that is caught up with.
pub const OF_MESSAGE: [u32; 2] = [64, 1_360];
/// Seconds of which the idle cost is told.
pub const IDLE_SECONDS: u64 = 60;
