// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl watch`, and watching with the library.

use atomik::{Device, Watch};
use atomik_test_support::tool::Tool;
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Lines},
    process::{Child, ChildStdout, Stdio},
    time::Duration,
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
        .args(["-s", "s", "watch", "--initial", "--interval", "10"])
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

#[test]
fn by_the_library() {
    let table = Device::open().unwrap().create_table(5000).unwrap();
    // Looked at one by one, by a batch, and by an image.
    for addresses in [
        vec![7, 3],
        (0..64).rev().collect(),
        (0..5000).rev().collect(),
    ] {
        let mut watch = Watch::new(&table, addresses).unwrap();
        assert_eq!(watch.poll().unwrap(), []);
        let before = table.read(3).unwrap();
        table.accum(3, 1).unwrap();
        let changes = watch.poll().unwrap();
        let [change] = changes[..] else {
            panic!("{changes:?}")
        };
        assert_eq!(
            (change.addr, change.before, change.after),
            (3, before, before ^ 1)
        );
        assert!(watch.states().any(|state| state == (3, before ^ 1)));
        let none = watch.wait(Duration::from_millis(1), Some(Duration::from_millis(5)));
        assert_eq!(none.unwrap(), []);
        // A thread changes it while this waits.
        std::thread::scope(|scope| {
            scope.spawn(|| table.accum(7, 2).unwrap());
            let changes = watch.wait(Duration::from_millis(1), None).unwrap();
            assert_eq!(changes[0].addr, 7);
        });
    }
    for beyond in [vec![5000], (4950..5001).collect(), (0..5001).collect()] {
        assert!(Watch::new(&table, beyond).is_err());
    }
}
