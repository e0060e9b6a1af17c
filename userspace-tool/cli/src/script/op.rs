// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Op`]: one operation on the current table.

use std::fmt;
use std::num::NonZeroU64;

/// The operations' words, for messages.
pub const OPERATIONS: &str = "load, accum, set, read, swap or expect";

/// One operation on the current table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Load {
        addr: u32,
        value: u64,
    },
    Accum {
        addr: u32,
        delta: u64,
    },
    /// The state becomes `value`; the reference stays.
    Set {
        addr: u32,
        value: u64,
    },
    Read {
        addr: u32,
    },
    Swap {
        addr: u32,
        new: Option<NonZeroU64>,
    },
    /// A condition: the state is `value`.
    Expect {
        addr: u32,
        value: u64,
    },
}

impl Op {
    /// The operation's word in a script.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Load { .. } => "load",
            Self::Accum { .. } => "accum",
            Self::Set { .. } => "set",
            Self::Read { .. } => "read",
            Self::Swap { .. } => "swap",
            Self::Expect { .. } => "expect",
        }
    }

    /// True where it changes and returns nothing, and others depend on it.
    pub fn is_condition(&self) -> bool {
        matches!(self, Self::Expect { .. })
    }

    /// The address of its context.
    pub fn addr(&self) -> u32 {
        match *self {
            Self::Load { addr, .. }
            | Self::Accum { addr, .. }
            | Self::Set { addr, .. }
            | Self::Read { addr }
            | Self::Swap { addr, .. }
            | Self::Expect { addr, .. } => addr,
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name();
        match self {
            Self::Load { addr, value }
            | Self::Set { addr, value }
            | Self::Expect { addr, value } => {
                write!(f, "{name} {addr} {value:#x}")
            }
            Self::Accum { addr, delta } => write!(f, "{name} {addr} {delta:#x}"),
            Self::Read { addr } | Self::Swap { addr, new: None } => write!(f, "{name} {addr}"),
            Self::Swap {
                addr,
                new: Some(new),
            } => write!(f, "{name} {addr} {new:#x}"),
        }
    }
}
