// SPDX-License-Identifier: MIT OR Apache-2.0

/// An entry of a batch, as the driver's BATCH has them: all EXPECTs are checked first, then the
/// others are done in order, and where an EXPECT doesn't hold nothing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Entry {
    /// EXPECT: the context has this state, or nothing of the batch happens.
    Expect {
        /// The context.
        address: u32,
        /// Its state.
        value: u64,
    },
    /// SET: the context has this state from now on.
    Set {
        /// The context.
        address: u32,
        /// Its new state.
        value: u64,
    },
    /// ACCUM: the delta goes into the context.
    Accum {
        /// The context.
        address: u32,
        /// The delta.
        delta: u64,
    },
    /// READ: the state of the context is told.
    Read {
        /// The context.
        address: u32,
    },
}

impl Entry {
    /// Entries of a batch at most.
    pub const MOST: usize = 4096;
}
