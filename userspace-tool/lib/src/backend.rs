// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Backend`]: the part that executes the operations.

use std::fmt;

/// The part that executes the operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Backend {
    /// The kernel itself.
    Software,
    /// A number that this version of the library doesn't know.
    Unknown(u32),
}

impl Backend {
    pub(crate) const fn from_number(number: u32) -> Self {
        match number {
            atomik_uapi::BACKEND_SOFTWARE => Self::Software,
            other => Self::Unknown(other),
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Software => f.write_str("software"),
            Self::Unknown(number) => write!(f, "unknown ({number})"),
        }
    }
}
