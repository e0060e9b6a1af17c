// SPDX-License-Identifier: MIT OR Apache-2.0

//! Numbers of a script: decimal, `0x` hexadecimal, `0b` binary, with `_` between digits.

use std::fmt;

/// Why a word isn't a number of the wanted size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberError {
    Malformed,
    TooLarge,
}

impl fmt::Display for NumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "not a number, such as 10, 0xa or 0b1010",
            Self::TooLarge => "the number is too large",
        })
    }
}

/// Parses a number of 64 bits. `_` may stand anywhere but at the start of a decimal number.
pub fn parse_u64(word: &str) -> Result<u64, NumberError> {
    let (radix, digits) = if let Some(digits) = word.strip_prefix("0x") {
        (16, digits)
    } else if let Some(digits) = word.strip_prefix("0b") {
        (2, digits)
    } else if word.starts_with('_') {
        return Err(NumberError::Malformed);
    } else {
        (10, word)
    };

    let mut number: Option<u64> = None;
    for digit in digits.chars().filter(|&c| c != '_') {
        let digit = digit.to_digit(radix).ok_or(NumberError::Malformed)?;
        number = number
            .unwrap_or(0)
            .checked_mul(radix.into())
            .and_then(|n| n.checked_add(digit.into()))
            .ok_or(NumberError::TooLarge)?
            .into();
    }
    number.ok_or(NumberError::Malformed)
}

/// Parses a number of 32 bits.
pub fn parse_u32(word: &str) -> Result<u32, NumberError> {
    u32::try_from(parse_u64(word)?).map_err(|_| NumberError::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn forms() {
        for (word, number) in [
            ("0", 0),
            ("007", 7),
            ("1_000", 1000),
            ("0xCafe_babe", 0xcafe_babe),
            ("0b1010", 10),
            ("0x_f_", 15),
            ("18446744073709551615", u64::MAX),
            ("0xffff_ffff_ffff_ffff", u64::MAX),
        ] {
            assert_eq!(parse_u64(word), Ok(number), "{word}");
        }
    }

    #[test]
    fn not_numbers() {
        for word in [
            "", "_", "_1", "0x", "0b_", "0b2", "0xg", "-1", "+1", "1.0", "0o7", "٣", "1e3",
        ] {
            assert_eq!(parse_u64(word), Err(NumberError::Malformed), "{word}");
        }
        for word in ["18446744073709551616", "0x1_0000_0000_0000_0000"] {
            assert_eq!(parse_u64(word), Err(NumberError::TooLarge), "{word}");
        }
        assert_eq!(parse_u32("4294967295"), Ok(u32::MAX));
        assert_eq!(parse_u32("4294967296"), Err(NumberError::TooLarge));
    }

    proptest! {
        #[test]
        fn every_form_comes_back(n: u64) {
            let forms = [format!("{n}"), format!("{n:#x}"), format!("{n:#b}"), format!("0x{n:016X}")];
            for word in forms {
                prop_assert_eq!(parse_u64(&word), Ok(n));
            }
        }

        #[test]
        fn no_word_panics(word: String) {
            let _ = parse_u64(&word);
        }
    }
}
