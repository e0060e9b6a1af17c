// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl watch`.

use atomik_test_support::tool::Tool;
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Lines},
    process::{Child, ChildStdout, Stdio},
};

fn tool() -> Tool {
    let tool = Tool::with_session();
    tool.run("-s s create 64").ok();
    tool
}

/// `atomikctl watch` at work, with the lines that it prints.
fn watch(tool: &Tool, words: &str) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut child = tool
        .command("atomikctl")
        .args(["-s", "s", "watch", "--initial"])
        .args(words.split_whitespace())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, lines)
}

#[test]
fn changes_are_printed_as_they_come() {
    let tool = tool();
    let (mut child, lines) = watch(&tool, "3 40 -f dec -n 2");
    let mut lines = lines.map(Result::unwrap);
    // The states at the beginning tell that it has begun.
    assert_eq!(lines.next().unwrap(), "3 0");
    assert_eq!(lines.next().unwrap(), "40 0");
    tool.run("-s s load 4 7 3 5").ok();
    assert_eq!(lines.next().unwrap(), "3 0 5");
    tool.run("-s s accum 40 9").ok();
    assert_eq!(lines.next().unwrap(), "40 0 9");
    assert_eq!(lines.next(), None);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn many_at_once_as_json() {
    let tool = tool();
    let (mut child, mut lines) = watch(&tool, ".. --json -n 64");
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    for addr in 0..64 {
        let row = next();
        assert_eq!((&row["addr"], &row["value"]), (&addr.into(), &0.into()));
        assert_eq!(row.get("before"), None);
    }
    tool.run("-s s load .. 1").ok();
    for addr in 0..64 {
        let row = next();
        assert_eq!((&row["addr"], &row["value"]), (&addr.into(), &1.into()));
        assert_eq!(row["before"], "0x0000000000000000");
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn it_ends_with_the_table_or_the_time() {
    let tool = tool();
    let (mut child, mut lines) = watch(&tool, "0");
    lines.next().unwrap().unwrap();
    tool.run("-s s destroy").ok();
    assert!(lines.next().is_none());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    tool.run("-s s create 4").ok();
    tool.run("-s s watch 0 -n 1 --timeout 0")
        .failed(1, &["--timeout is over"]);
    tool.run("-s s watch 0 --timeout 0").ok();
    tool.run("-s s watch 4")
        .failed(1, &["address 4 is outside table "]);
    tool.run("-s s watch 0..4")
        .failed(1, &["address 4 is outside table "]);
}
