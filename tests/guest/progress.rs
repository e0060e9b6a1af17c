// SPDX-License-Identifier: MIT OR Apache-2.0

//! The progress of a long stream, in a terminal and without one.

use atomik_test_support::{terminal::Terminal, tool::Tool};
use std::{fs, process::Stdio};

/// A session with a table, and a stream of operations in the file `long`.
fn tool(input: &str) -> Tool {
    let tool = Tool::with_session();
    tool.run("-s s create 16").ok();
    fs::write(tool.directory().join("long"), input).unwrap();
    tool
}

/// Runs the stream in a terminal that shows progress, and states too unless `only_errors`. Returns
/// the screen at the end.
fn batch(tool: &Tool, states: bool) -> String {
    let mut command = tool.command("atomikctl");
    command.args(["-s", "s", "-t", "1", "batch", "long"]);
    if !states {
        command.stdout(Stdio::null());
    }
    let left = Terminal::start(command, 10, 100, !states).end();
    assert!(left.status.success(), "{}", left.screen);
    // Written at some time: a fast machine draws and clears it in one go.
    assert!(left.written.contains(" left"), "{}", left.written);
    assert!(!left.screen.contains(" left"), "{}", left.screen);
    left.screen
}

#[test]
fn progress_is_shown_on_a_terminal_only() {
    let tool = tool(&"accum 1 1\n".repeat(100_000));
    let screen = batch(&tool, false);
    assert!(
        screen.contains("100000 operations in 25 batches"),
        "{screen}"
    );
    let (_, said) = tool.run("-s s -t 1 batch long").said();
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn progress_and_states_share_a_terminal() {
    let half = "accum 1 1\n".repeat(60_000);
    let screen = batch(&tool(&format!("{half}read 1\n{half}")), true);
    let lines: Vec<_> = screen.lines().collect();
    let [first, second] = lines[..] else {
        panic!("{screen}")
    };
    assert_eq!(first, "read 1 = 0x0000000000000000");
    assert!(
        second.contains("120001 operations in 30 batches"),
        "{screen}"
    );
}
