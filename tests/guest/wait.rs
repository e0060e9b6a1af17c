// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl wait`.

use atomik_test_support::tool::{Ran, Tool};
use serde_json::Value;
use std::{
    fs,
    process::{Child, Stdio},
    thread,
};

fn tool() -> Tool {
    let tool = Tool::with_session();
    tool.run("-s s create 8").ok();
    tool
}

/// `atomikctl wait` that waits.
fn waiting(tool: &Tool, words: &str) -> Child {
    let child = tool
        .command("atomikctl")
        .args(["-s", "s", "wait"])
        .args(words.split_whitespace())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let fdinfo = format!("/proc/{}/fdinfo", child.id());
    let watches = || {
        let mut files = fs::read_dir(&fdinfo).unwrap().flatten();
        files.any(|file| {
            fs::read_to_string(file.path()).is_ok_and(|text| text.contains("atomik-watch:"))
        })
    };
    while !watches() {
        thread::yield_now();
    }
    child
}

fn end(child: Child) -> Ran {
    let output = child.wait_with_output().unwrap();
    Ran {
        status: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn at_once_where_it_is_so() {
    let tool = tool();
    tool.run("-s s load 3 7").ok();
    assert_eq!(tool.run("-s s wait 3 7").ok(), "0x0000000000000007\n");
    assert_eq!(tool.run("-s s wait 3 --not 0 -f dec").ok(), "7\n");
    let ended = tool.run("-s s wait 3 --not 0 --timeout 0 --json").ok();
    let ended: Value = serde_json::from_str(&ended).unwrap();
    let expected = serde_json::json!({
        "op": "wait", "table": 1, "addr": 3, "value": 7, "hex": "0x0000000000000007",
    });
    assert_eq!(ended, expected);
}

#[test]
fn as_soon_as_it_is_so() {
    let tool = tool();
    let equal = waiting(&tool, "3 5 -f dec");
    let other = waiting(&tool, "3 --not 0 -f dec --timeout 1000000");
    // Its neighbour is of no interest.
    tool.run("-s s load 4 5").ok();
    tool.run("-s s load 3 4").ok();
    assert_eq!(end(other).ok(), "4\n");
    tool.run("-s s load 3 5").ok();
    assert_eq!(end(equal).ok(), "5\n");
}

#[test]
fn some_bits_alone() {
    let tool = tool();
    let bit = waiting(&tool, "0 --mask 0x10 0x10 -f dec");
    tool.run("-s s accum 0 0b11").ok();
    tool.run("-s s accum 0 0x10").ok();
    assert_eq!(end(bit).ok(), "19\n");
    assert_eq!(tool.run("-s s wait 0 --mask 0x8 0 -f dec").ok(), "19\n");
    let ran = tool.run("-s s wait 0 --mask 0x10 --not 0x10 --timeout 0");
    assert_eq!(ran.status, 124, "{ran:?}");
    tool.run("-s s wait 0 --mask 1 3")
        .failed(2, &["VALUE 0x0000000000000003 has bits that --mask "]);
}

#[test]
fn the_time_is_over() {
    let tool = tool();
    for timeout in ["0", "0.01"] {
        let ran = tool.run(&format!("-s s wait 3 1 --timeout {timeout} -f dec"));
        let said = "atomikctl: --timeout is over: the state at address 3 is 0x0000000000000000\n";
        assert_eq!((ran.status, ran.stdout.as_str()), (124, "0\n"));
        assert_eq!(ran.stderr, said);
    }
    let ran = tool.run("-s s wait 3 --not 0 --timeout 0 --json");
    let error: Value = serde_json::from_str(&ran.stderr).unwrap();
    assert_eq!((&error["status"], ran.status), (&124.into(), 124));
    assert!(ran.stdout.contains("\"value\":0"), "{ran:?}");
    tool.run("-s s wait 3 1 --timeout soon")
        .failed(2, &["not a number of seconds"]);
}

#[test]
fn the_table_ends_first() {
    let tool = tool();
    let wait = waiting(&tool, "3 1");
    tool.run("-s s destroy").ok();
    end(wait).failed(1, &["atomikctl: ", "hint: "]);
    tool.run("-s s create 4").ok();
    tool.run("-s s wait 4 0")
        .failed(1, &["address 4 is outside table "]);
}
