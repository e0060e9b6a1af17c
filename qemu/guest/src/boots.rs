// SPDX-License-Identifier: MIT OR Apache-2.0
//! Boots a guest again where nothing of it ever answered.
//!
//! QEMU's emulation of several processors loses a race now and then with a kernel that patches its
//! own text, and a boot is where the kernel does that most. What happens once the guest has
//! answered may be the driver's doing, and happens once.

use anyhow::Result;

/// How many times at most a guest is booted.
const MOST: u32 = 3;

/// Boots till something else comes of it than a boot that has `failed`, `MOST` times at most, and
/// gives what came of the last. `again` is told of each boot that is about to be repeated, and its
/// number.
pub fn until_answered<T>(
    mut boot: impl FnMut() -> Result<T>,
    failed: impl Fn(&T) -> bool,
    mut again: impl FnMut(u32, &T) -> Result<()>,
) -> Result<T> {
    for number in 1..MOST {
        let end = boot()?;
        if !failed(&end) {
            return Ok(end);
        }
        again(number, &end)?;
    }
    boot()
}

/// The last line of output where boots were repeated. `logs` are the kernels' logs of those boots.
pub fn note(logs: &[String]) -> Option<String> {
    let times = logs.len() + 1;
    let logs = logs.join(" ");
    (times > 1).then(|| {
        format!(
            "atomik: note: booted {times} times; the logs of the boots that were repeated: {logs}"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Boots that fail or not, one after the other: whether the last one failed, and the numbers of
    /// those repeated.
    fn boots(ends: &[bool]) -> (bool, Vec<u32>) {
        let mut left = ends.iter();
        let mut repeated = Vec::new();
        let end = until_answered(
            || Ok(*left.next().expect("an end for each boot")),
            |&failed| failed,
            |number, _| {
                repeated.push(number);
                Ok(())
            },
        )
        .unwrap();
        assert_eq!(left.count(), 0, "too few boots");
        (end, repeated)
    }

    #[test]
    fn only_what_failed_is_repeated() {
        assert_eq!(boots(&[false]), (false, vec![]));
        assert_eq!(boots(&[true, false]), (false, vec![1]));
        assert_eq!(boots(&[true, true, false]), (false, vec![1, 2]));
    }

    #[test]
    fn the_third_failure_is_the_last() {
        assert_eq!(boots(&[true, true, true]), (true, vec![1, 2]));
    }

    #[test]
    fn a_note_counts_all_boots() {
        assert_eq!(note(&[]), None);
        let text = note(&["/a".into(), "/b".into()]).unwrap();
        assert!(text.starts_with("atomik: note: booted 3 times;"), "{text}");
        assert!(text.ends_with("/a /b"), "{text}");
    }
}
