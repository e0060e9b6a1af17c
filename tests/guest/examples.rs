// SPDX-License-Identifier: MIT OR Apache-2.0

//! The examples of the crate, as programs of their own. Each checks its own results.

use atomik_test_support::tool::Tool;
use std::fs;
use std::process::Command;

/// Runs an example. Returns its output.
#[track_caller]
fn run(name: &str) -> String {
    let output = Command::new(format!("/usr/lib/atomik/{name}"))
        .output()
        .unwrap_or_else(|error| panic!("{name}: {error}; tests/in-guests brings it"));
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (printed, said) = (text(output.stdout), text(output.stderr));
    assert!(
        output.status.success(),
        "{name}: {}\n{printed}{said}",
        output.status
    );
    printed
}

#[test]
fn a_supervisor_whose_workers_crash_and_hang_loses_nothing() {
    let printed = run("supervisor");
    for happened in ["crashes  ", "hangs    "] {
        assert!(printed.contains(happened), "{printed}");
        assert!(!printed.contains(&format!("{happened}0\n")), "{printed}");
    }
    assert!(
        printed.ends_with("nothing was lost, and nothing was done twice\n"),
        "{printed}"
    );
}

#[test]
fn two_processes_mirror_each_other() {
    let printed = run("two-mirrors");
    assert!(
        printed.ends_with("both have the same states\n"),
        "{printed}"
    );
}

#[test]
fn sets_are_reconciled() {
    let printed = run("reconcile");
    assert!(printed.ends_with("both have the same set\n"), "{printed}");
}

#[test]
fn an_editor_undoes_in_any_order() {
    let printed = run("undo");
    assert!(
        printed.contains("Words are undone in any order"),
        "{printed}"
    );
    assert!(
        printed.ends_with("the text is as it was at the beginning\n"),
        "{printed}"
    );
}

#[test]
fn one_program_serves_both_kinds_of_tables() {
    let printed = run("anywhere");
    assert!(
        printed.starts_with("the table is in the kernel\n"),
        "{printed}"
    );
    assert!(printed.ends_with("and put back\n"), "{printed}");
}

#[test]
fn watching_several_tables_misses_nothing() {
    let printed = run("watch-poll");
    assert_eq!(printed.matches(": 1000 was the last state\n").count(), 3);
    assert!(printed.ends_with("and nothing was missed\n"), "{printed}");
}

#[test]
fn watching_in_an_async_program() {
    let printed = run("watch-tokio");
    assert!(printed.ends_with("the last state is 1000\n"), "{printed}");
}

#[test]
fn hello() {
    run("hello");
}

#[test]
fn a_pre_fork_server_whose_workers_crash_counts_each_request_once() {
    assert_eq!(run("prefork"), "200 requests, 40 crashes\n");
}

#[test]
fn a_reader_with_a_passed_descriptor_sees_the_invariant() {
    let printed = run("invariants");
    let expected = "500 pictures, each of 8 accounts with 100 on average\n\
        the bank didn't wait for the auditor\n";
    assert_eq!(printed, expected);
}

#[test]
fn a_mirror_over_a_pipe_has_the_same_states() {
    let printed = run("pipe");
    assert!(
        printed.ends_with("; both have the same states\n"),
        "{printed}"
    );
    // The 256 that were in the state already, and those of the rounds.
    assert!(printed.starts_with("5256 deltas in "), "{printed}");
}

#[test]
fn a_script_finds_the_files_that_have_changed() {
    const SCRIPT: &str = include_str!("../../userspace-tool/examples/changed.sh");
    let tool = Tool::new();
    let write = |name: &str, text: &str| fs::write(tool.directory().join(name), text).unwrap();
    write("changed.sh", SCRIPT);
    for name in ["a", "b c", "-d"] {
        write(name, name);
    }
    let changed = || tool.shell("sh changed.sh changes a 'b c' -d").ok();
    assert_eq!((changed(), changed()), ("".into(), "".into()));
    write("b c", "other");
    write("-d", "-d\0");
    assert_eq!(changed(), "b c\n-d\n");
    assert_eq!(changed(), "");
    write("a", "longer than before");
    assert_eq!(changed(), "a\n");
}

/// Programs that a user would write in an hour stay so short.
#[test]
fn the_programs_are_short() {
    for (name, text) in [
        (
            "prefork",
            include_str!("../../userspace-tool/examples/prefork.rs"),
        ),
        (
            "invariants",
            include_str!("../../userspace-tool/examples/invariants.rs"),
        ),
        (
            "pipe",
            include_str!("../../userspace-tool/examples/pipe.rs"),
        ),
        (
            "changed",
            include_str!("../../userspace-tool/examples/changed.sh"),
        ),
        ("parity", include_str!("../../sdk/c/examples/parity.c")),
    ] {
        assert!(text.lines().count() < 100, "{name}");
    }
}
