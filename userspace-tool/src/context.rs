// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Context`]: both words of a context.

/// Both words of a context, as [`TableRef::snapshot`](crate::TableRef::snapshot) returns them.
///
/// ```
/// let context = atomik::Context { reference: 0xff00, accumulator: 0x00ff };
/// assert_eq!(context.state(), 0xffff);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Context {
    /// The state that the epoch started from.
    pub reference: u64,
    /// The XOR of all deltas since.
    pub accumulator: u64,
}

impl Context {
    /// The state, `reference ^ accumulator`: what READ returns.
    pub const fn state(self) -> u64 {
        self.reference ^ self.accumulator
    }
}

impl From<atomik_uapi::Context> for Context {
    fn from(raw: atomik_uapi::Context) -> Self {
        Self {
            reference: raw.reference,
            accumulator: raw.accumulator,
        }
    }
}

impl From<Context> for atomik_uapi::Context {
    fn from(context: Context) -> Self {
        Self {
            reference: context.reference,
            accumulator: context.accumulator,
        }
    }
}
