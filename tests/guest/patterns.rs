// SPDX-License-Identifier: MIT OR Apache-2.0

//! The patterns of docs/patterns.md. Each starts processes, which race, and checks how they have
//! left the table.

use atomik_test_support::{rounds::rounds, tool::finish};
use std::process::Command;

/// Runs the example. Returns what it has printed, which is a line for each pattern.
fn patterns(arguments: &[&str]) -> String {
    let mut command = Command::new("/usr/lib/atomik/patterns");
    command.args(arguments);
    finish(command, b"").ok()
}

/// 20,000 rounds, or fewer on a slow kernel.
#[test]
fn all_rounds_end_right() {
    let rounds = 20 * rounds().clamp(1, 1000);
    let printed = patterns(&[&format!("--rounds={rounds}")]);
    for pattern in [
        "flag",
        "counter",
        "queue",
        "lock",
        "configuration",
        "audit",
        "parity",
        "readers",
        "consistent",
        "deltas",
    ] {
        let of_it = |line: &&str| line.starts_with(&format!("{pattern}: "));
        let line = printed.lines().find(of_it).unwrap_or(&printed);
        assert!(line.contains(": 0 of "), "{pattern}: {line}");
    }
    assert_eq!(printed.lines().count(), 10, "{printed}");
}

/// By deltas of what they read before, they may end wrong, and say how often.
#[test]
fn by_deltas_alone_they_may_end_wrong() {
    let printed = patterns(&["--without", "--rounds=100"]);
    for pattern in ["flag", "counter", "configuration", "parity"] {
        let of_it = |line: &str| line.starts_with(&format!("{pattern}: ")) && line.contains(" of ");
        assert!(printed.lines().any(of_it), "{pattern}: {printed}");
    }
}

/// A worker that can't be started is a failure, not a meeting that the others wait for.
#[test]
fn a_race_that_lacks_a_worker_fails() {
    // Each worker in the race keeps two descriptors of its starter, so three are too many.
    let mut command = Command::new("/bin/sh");
    command.args([
        "-c",
        "ulimit -n 9; exec /usr/lib/atomik/patterns counter --rounds=1000",
    ]);
    finish(command, b"").failed(1, &["Error: "]);
}
