// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Place`]: where the tables of a run live.

/// Where the tables of a run live; the runner's argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In allocated memory.
    Allocated,
    /// In memory that the program gives.
    Given,
    /// On the device.
    Device,
}

impl Place {
    /// The word that the runner knows it by.
    pub fn word(self) -> &'static str {
        match self {
            Self::Allocated => "allocated",
            Self::Given => "given",
            Self::Device => "device",
        }
    }

    /// The widths of contexts, in bits, that it has.
    pub fn has_width(self, width: u32) -> bool {
        match self {
            Self::Allocated | Self::Given => width <= 64,
            Self::Device => width == 64,
        }
    }
}
