// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Op`]: one operation on the current table.

use std::fmt;
use std::num::NonZeroU64;

/// One operation on the current table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Load { addr: u32, value: u64 },
    Accum { addr: u32, delta: u64 },
    Read { addr: u32 },
    Swap { addr: u32, new: Option<NonZeroU64> },
}

impl Op {
    /// The operation's word in a script.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Load { .. } => "load",
            Self::Accum { .. } => "accum",
            Self::Read { .. } => "read",
            Self::Swap { .. } => "swap",
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name();
        match self {
            Self::Load { addr, value } => write!(f, "{name} {addr} {value:#x}"),
            Self::Accum { addr, delta } => write!(f, "{name} {addr} {delta:#x}"),
            Self::Read { addr } | Self::Swap { addr, new: None } => write!(f, "{name} {addr}"),
            Self::Swap {
                addr,
                new: Some(new),
            } => write!(f, "{name} {addr} {new:#x}"),
        }
    }
}
