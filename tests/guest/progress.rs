// SPDX-License-Identifier: MIT OR Apache-2.0

//! The progress of a long stream, in a terminal and without one.

use atomik_tests::{
    terminal::{Left, Terminal},
    tool::Tool,
};
use std::fs;

fn tool() -> Tool {
    let tool = Tool::with_session();
    tool.run("-s s create 16").ok();
    tool
}

#[test]
fn progress_is_shown_on_a_terminal_only() {
    let tool = tool();
    let input = "accum 1 1\n".repeat(100_000);
    fs::write(tool.directory().join("long"), &input).unwrap();
    let words = ["-s", "s", "-t", "1", "batch", "long"];
    let mut command = tool.command("atomikctl");
    command.args(words).stdout(std::process::Stdio::null());
    let Left {
        status,
        screen,
        written,
        ..
    } = Terminal::start(command, 10, 100, true).end();
    assert!(status.success(), "{screen}");
    // It was there, however short, is gone at the end, and the summary is there.
    assert!(written.contains(" left"), "{written}");
    assert!(
        screen.contains("100000 operations in 25 batches"),
        "{screen}"
    );
    assert!(!screen.contains(" left"), "{screen}");
    let (_, said) = tool.run("-s s -t 1 batch long").said();
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn progress_and_states_share_a_terminal() {
    let tool = tool();
    let input = "accum 1 1\n".repeat(60_000) + "read 1\n" + &"accum 1 1\n".repeat(60_000);
    fs::write(tool.directory().join("long"), &input).unwrap();
    let mut command = tool.command("atomikctl");
    command.args(["-s", "s", "-t", "1", "batch", "long"]);
    let Left {
        status,
        screen,
        written,
        ..
    } = Terminal::start(command, 10, 100, false).end();
    assert!(status.success(), "{screen}");
    assert!(written.contains(" left"), "{written}");
    let state = "read 1 = 0x0000000000000000";
    let lines: Vec<_> = screen.lines().collect();
    let [first, second] = lines[..] else {
        panic!("{screen}")
    };
    assert_eq!(first, state);
    assert!(
        second.contains("120001 operations in 30 batches"),
        "{screen}"
    );
}
