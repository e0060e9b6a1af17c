// SPDX-License-Identifier: MIT OR Apache-2.0

//! The examples of the crate, as programs of their own. Each checks its own results.

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
