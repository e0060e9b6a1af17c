// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Version`]: the version of a driver's interface.

use std::fmt;

/// The version of the driver's interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// Incremented when programs written for the old interface stop working.
    pub major: u16,
    /// Incremented when commands are added.
    pub minor: u8,
    /// Incremented when the driver changes and its interface doesn't.
    pub patch: u8,
}

impl Version {
    /// The version that this library was written for.
    pub const SUPPORTED: Self = Self::from_bits(atomik_uapi::VERSION);

    /// Splits the ABI's number: major in bits 16 to 31, minor in 8 to 15, patch in 0 to 7.
    pub(crate) const fn from_bits(bits: u32) -> Self {
        Self {
            major: (bits >> 16) as u16,
            minor: (bits >> 8) as u8,
            patch: bits as u8,
        }
    }

    /// True where this library works with a driver of this version: the major version is
    /// [`SUPPORTED`](Self::SUPPORTED)'s, and the minor one at least that. Newer minor versions only
    /// add commands.
    pub const fn is_supported(self) -> bool {
        self.major == Self::SUPPORTED.major && self.minor >= Self::SUPPORTED.minor
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_number_apart() {
        assert_eq!(Version::SUPPORTED.to_string(), env!("CARGO_PKG_VERSION"));
        assert_eq!(Version::from_bits(0x1234_56fe).to_string(), "4660.86.254");
    }

    #[test]
    fn accepts_additions_and_refuses_the_rest() {
        let supported = |bits| Version::from_bits(bits).is_supported();
        assert!(supported(0x0000_0400));
        assert!(supported(0x0000_0407));
        assert!(supported(0x0000_0500));
        assert!(!supported(0x0000_03ff));
        assert!(!supported(0x0001_0400));
    }
}
