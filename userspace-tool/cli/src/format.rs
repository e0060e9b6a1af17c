// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Format`]: the format of values.

use clap::ValueEnum;

/// The format of values in text. JSON has them as numbers and in hexadecimal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// 0x and 16 digits
    #[default]
    Hex,
    /// Decimal
    Dec,
    /// 0b and 64 digits
    Bin,
}

impl Format {
    pub fn value(self, value: u64) -> String {
        match self {
            Self::Hex => hex(value),
            Self::Dec => value.to_string(),
            Self::Bin => format!("{value:#066b}"),
        }
    }
}

/// All 16 digits, as in JSON.
pub fn hex(value: u64) -> String {
    format!("{value:#018x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::number::parse_u64;

    #[test]
    fn what_is_printed_can_be_read() {
        for value in [0, 1, 0xcafe_babe, u64::MAX] {
            for format in [Format::Hex, Format::Dec, Format::Bin] {
                assert_eq!(parse_u64(&format.value(value)), Ok(value));
            }
        }
        assert_eq!(Format::Hex.value(255), "0x00000000000000ff");
        assert_eq!(Format::Bin.value(5).len(), 66);
    }
}
