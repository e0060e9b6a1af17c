// SPDX-License-Identifier: MIT OR Apache-2.0

//! Numbers of a script: decimal, `0x` hexadecimal, `0b` binary, with `_` between digits. A negative
//! one of 64 bits is its two's complement.

/// Why a word isn't a number of the expected size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    #[error("not a whole number, such as 10, 0xa or 0b1010")]
    Malformed,
    #[error("negative, and 0 is the least")]
    Negative,
    #[error("too large: {0} is the most")]
    TooLarge(u64),
    #[error("too small: {} is the least", i64::MIN)]
    TooSmall,
}

/// Parses a number of 64 bits; of a negative one, down to -2^63, it returns the two's complement.
/// `_` may stand anywhere but at the start of a decimal number.
pub fn parse_u64(word: &str) -> Result<u64, NumberError> {
    let Some(positive) = word.strip_prefix('-') else {
        return unsigned(word);
    };
    match unsigned(positive) {
        Ok(number) if number <= i64::MIN.unsigned_abs() => Ok(number.wrapping_neg()),
        Ok(_) | Err(NumberError::TooLarge(_)) => Err(NumberError::TooSmall),
        Err(error) => Err(error),
    }
}

fn unsigned(word: &str) -> Result<u64, NumberError> {
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
            .ok_or(NumberError::TooLarge(u64::MAX))?
            .into();
    }
    number.ok_or(NumberError::Malformed)
}

/// Parses a number of 32 bits.
pub fn parse_u32(word: &str) -> Result<u32, NumberError> {
    let too_large = NumberError::TooLarge(u32::MAX.into());
    match parse_u64(word) {
        Ok(_) | Err(NumberError::TooSmall) if word.starts_with('-') => Err(NumberError::Negative),
        Ok(number) => u32::try_from(number).map_err(|_| too_large),
        Err(NumberError::TooLarge(_)) => Err(too_large),
        Err(error) => Err(error),
    }
}

/// Parses a number of 64 bits. The error names it, `what`, and says why it isn't one.
pub fn named_u64(what: &str, word: &str) -> Result<u64, String> {
    parse_u64(word).map_err(|error| format!("{what} {} is {error}", quoted(word)))
}

/// Parses a number of 32 bits, with such an error.
pub fn named_u32(what: &str, word: &str) -> Result<u32, String> {
    parse_u32(word).map_err(|error| format!("{what} {} is {error}", quoted(word)))
}

/// Quotes input for a message: shortened, and without control characters.
pub fn quoted(text: &str) -> String {
    const SHOWN: usize = 40;
    let start: String = text.chars().take(SHOWN).collect();
    let more = if text.chars().nth(SHOWN).is_some() {
        "…"
    } else {
        ""
    };
    format!("`{}{more}`", start.escape_debug())
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
            ("-1", u64::MAX),
            ("-0x10", 0u64.wrapping_sub(16)),
            ("-9223372036854775808", 1 << 63),
            ("-0", 0),
        ] {
            assert_eq!(parse_u64(word), Ok(number), "{word}");
        }
    }

    #[test]
    fn not_numbers() {
        for word in [
            "", "_", "_1", "0x", "0b_", "0b2", "0xg", "-", "--1", "-_1", "+1", "1.0", "0o7", "٣",
            "1e3",
        ] {
            assert_eq!(parse_u64(word), Err(NumberError::Malformed), "{word}");
        }
        for word in ["-1", "-0", "-4294967296", "-9223372036854775809"] {
            assert_eq!(parse_u32(word), Err(NumberError::Negative), "{word}");
        }
        for word in [
            "-9223372036854775809",
            "-18446744073709551616",
            "-0xffff_ffff_ffff_ffff",
        ] {
            assert_eq!(parse_u64(word), Err(NumberError::TooSmall), "{word}");
        }
        for word in ["18446744073709551616", "0x1_0000_0000_0000_0000"] {
            assert_eq!(
                parse_u64(word),
                Err(NumberError::TooLarge(u64::MAX)),
                "{word}"
            );
            assert_eq!(
                parse_u32(word),
                Err(NumberError::TooLarge(u32::MAX.into())),
                "{word}"
            );
        }
        assert_eq!(parse_u32("4294967295"), Ok(u32::MAX));
        assert_eq!(
            named_u32("ADDR", "4294967296").unwrap_err(),
            "ADDR `4294967296` is too large: 4294967295 is the most"
        );
    }

    proptest! {
        #[test]
        fn every_form_comes_back(n: u64) {
            let forms = [
                format!("{n}"),
                format!("{n:#x}"),
                format!("{n:#b}"),
                format!("0x{n:016X}"),
            ];
            for word in forms {
                prop_assert_eq!(parse_u64(&word), Ok(n));
            }
        }

        #[test]
        fn signed_numbers_are_their_bits(n: i64) {
            prop_assert_eq!(parse_u64(&n.to_string()), Ok(n as u64));
        }

        #[test]
        fn no_word_panics(word: String) {
            let _ = parse_u64(&word);
        }
    }
}
