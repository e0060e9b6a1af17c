// SPDX-License-Identifier: MIT OR Apache-2.0

//! A number of seconds on the command line.

use std::time::{Duration, Instant};

/// Parses seconds, with or without a fraction: `10`, `0.5`.
pub fn parse(word: &str) -> Result<Duration, String> {
    (word.parse().ok())
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "not a number of seconds, such as 10 or 0.5".into())
}

/// The moment at which a time from now is over; none where that never comes.
pub fn end_of(time: Option<Duration>) -> Option<Instant> {
    Instant::now().checked_add(time?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_allowed() {
        assert_eq!(parse("0"), Ok(Duration::ZERO));
        assert_eq!(parse("2"), Ok(Duration::from_secs(2)));
        assert_eq!(parse(".25"), Ok(Duration::from_millis(250)));
        for wrong in ["", "-1", "1s", "NaN", "inf", "1e300"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_time_too_long_for_the_clock_never_ends() {
        assert_eq!(end_of(None), None);
        assert_eq!(end_of(Some(Duration::MAX)), None);
        assert!(end_of(Some(Duration::ZERO)).is_some_and(|end| end <= Instant::now()));
    }
}
