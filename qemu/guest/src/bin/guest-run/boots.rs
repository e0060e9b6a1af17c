// SPDX-License-Identifier: MIT OR Apache-2.0
//! Boots a guest again where it never got as far as to run init.
//!
//! QEMU's emulation of several processors loses a race now and then with a kernel that patches its own text, and a boot is
//! where the kernel does that most. What happens after init has answered may be the driver's doing, and happens once.

use crate::session::Outcome;
use anyhow::Result;

/// How many times at most a guest is booted for one run.
pub const MOST: u32 = 3;

/// Boots till init has answered, [`MOST`] times at most, and gives the end of the last. `again` is told of each boot that
/// is about to be repeated, and its number.
pub fn until_answered(
    mut boot: impl FnMut() -> Result<(Outcome, String)>,
    mut again: impl FnMut(u32, &Outcome) -> Result<()>,
) -> Result<(Outcome, String)> {
    for number in 1..MOST {
        let (outcome, text) = boot()?;
        if !matches!(outcome, Outcome::BootHung | Outcome::BootDied) {
            return Ok((outcome, text));
        }
        again(number, &outcome)?;
    }
    boot()
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::signal::Signal;

    /// Boots that end in these ways, one after the other: the end that counts, and the numbers of those repeated.
    fn boots(ends: Vec<Outcome>) -> (Outcome, Vec<u32>) {
        let mut ends = ends.into_iter();
        let mut repeated = Vec::new();
        let (outcome, _) = until_answered(
            || Ok((ends.next().expect("an end for each boot"), String::new())),
            |number, _| {
                repeated.push(number);
                Ok(())
            },
        )
        .unwrap();
        assert_eq!(ends.count(), 0, "too few boots");
        (outcome, repeated)
    }

    #[test]
    fn what_ends_or_hangs_while_it_boots_is_booted_again() {
        use Outcome::{BootDied, BootHung, TimedOut};
        for first in [BootDied, BootHung] {
            let (outcome, repeated) = boots(vec![first, TimedOut]);
            assert!(matches!(outcome, TimedOut));
            assert_eq!(repeated, [1]);
        }
        let (outcome, repeated) = boots(vec![BootHung, BootDied, TimedOut]);
        assert!(matches!(outcome, TimedOut));
        assert_eq!(repeated, [1, 2]);
    }

    #[test]
    fn the_third_failure_is_the_last() {
        use Outcome::{BootDied, BootHung};
        let (outcome, repeated) = boots(vec![BootDied, BootDied, BootHung]);
        assert!(matches!(outcome, BootHung));
        assert_eq!(repeated, [1, 2]);
    }

    #[test]
    fn nothing_else_is_repeated() {
        for end in [
            Outcome::Refused,
            Outcome::NotReady,
            Outcome::TimedOut,
            Outcome::Failed("x".into()),
            Outcome::Died,
            Outcome::Interrupted(Signal::SIGINT),
            Outcome::Escaped,
        ] {
            assert!(boots(vec![end]).1.is_empty());
        }
    }
}
