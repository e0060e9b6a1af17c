// SPDX-License-Identifier: MIT OR Apache-2.0

/// A change of one context, as messages carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Delta {
    /// The context: less than the number of contexts of programs.
    pub address: u32,
    /// The XOR of the state before and after. Not 0.
    pub delta: u64,
}

impl Delta {
    /// The deltas of a message at most, each of another context. In the largest batch each takes
    /// three entries, and 4,096 of these fit into one.
    pub const MOST: usize = 1360;
}
