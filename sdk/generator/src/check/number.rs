// SPDX-License-Identifier: MIT OR Apache-2.0
//! Numbers of JSON, exactly: `64`, `64.0` and `6.4e1` are one number.

use num_bigint::BigUint;

/// Digits of the largest number that matters: 2^256 has 78.
const MAX_DIGITS: usize = 100;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Number {
    Whole(BigUint),
    /// Whole, and larger than any that is allowed anywhere.
    Huge,
    Negative,
    Fraction,
}

impl Number {
    /// A number as JSON writes it.
    pub fn parse(text: &str) -> Number {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent),
            None => (text, "0"),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let fraction = fraction.trim_end_matches('0');
        let digits = format!("{whole}{fraction}");
        let digits = digits.trim_start_matches('0');
        if digits.is_empty() {
            return Number::Whole(BigUint::ZERO);
        }
        if negative {
            return Number::Negative;
        }
        let significant = digits.trim_end_matches('0');
        let zeros = (digits.len() - significant.len()) as i64 - fraction.len() as i64;
        // An exponent beyond i64 is as good as the largest one.
        let exponent = exponent
            .parse::<i64>()
            .unwrap_or(match exponent.starts_with('-') {
                true => i64::MIN / 2,
                false => i64::MAX / 2,
            });
        let zeros = zeros.saturating_add(exponent);
        if zeros < 0 {
            return Number::Fraction;
        }
        let length = (significant.len() as i64).saturating_add(zeros);
        if length > MAX_DIGITS as i64 {
            return Number::Huge;
        }
        let digits = format!("{significant}{}", "0".repeat(zeros as usize));
        digits.parse().map_or(Number::Huge, Number::Whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_number() {
        let whole = |n: u32| Number::Whole(BigUint::from(n));
        for text in [
            "64", "64.0", "6.4e1", "6.4E+1", "640e-1", "0.64e2", "64.000e0",
        ] {
            assert_eq!(Number::parse(text), whole(64), "{text}");
        }
        for text in ["0", "-0", "0.0", "0e99999999999999999999", "-0.0e-5"] {
            assert_eq!(Number::parse(text), whole(0), "{text}");
        }
        for text in ["0.5", "64.1", "1e-1", "1e-99999999999999999999", "10e-2"] {
            assert_eq!(Number::parse(text), Number::Fraction, "{text}");
        }
        assert_eq!(Number::parse("1e99999999999999999999"), Number::Huge);
        assert_eq!(Number::parse(&"9".repeat(1 << 20)), Number::Huge);
        assert_eq!(Number::parse("-1"), Number::Negative);
        assert_eq!(Number::parse("-0.5"), Number::Negative);
    }
}
