// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl top`, in a terminal and without one; and the progress of a long stream.

use crate::{terminal::Terminal, watched::watching};
use atomik::session::OpenFile;
use atomik_tests::{raw::open_device, task, tool::Tool};
use serde_json::Value;
use std::fs;

fn tool() -> Tool {
    let tool = Tool::with_session();
    tool.run("-s s create 16").ok();
    tool.run("-s s create 8").ok();
    tool
}

fn rows(tool: &Tool) -> Vec<Value> {
    let lines = tool.run("--json top --interval 50").ok();
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn once_as_json() {
    let tool = tool();
    tool.run("-s s -t 1 load 0..9 1").ok();
    let rows = rows(&tool);
    // Other tests have the device open as well: of root's guest, all are shown.
    let own = rows
        .iter()
        .find(|row| row["session"] == "s")
        .expect("the session");
    assert_eq!(own["command"], "atomikctl");
    // With the READ that finds table 1. Another test's `top` may look into it as well.
    assert!(own["ops"].as_u64() >= Some(11), "{own}");
    assert!(own["descriptors"].as_u64() >= Some(1), "{own}");
    let tables: Vec<_> = own["tables"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| &t["contexts"])
        .collect();
    assert_eq!(tables, [16, 8]);
    let text = tool.run("top --once --interval 50").ok();
    assert!(text.lines().next().unwrap().contains("ops/s"), "{text}");
    assert!(text.contains("atomikctl"), "{text}");
}

#[test]
fn one_file_is_one_row_however_many_share_it() {
    let file = open_device();
    let table = file.create(77).unwrap();
    let copies: Vec<_> = (0..3).map(|_| file.0.try_clone().unwrap()).collect();
    file.load(table, 76, 5).unwrap();
    let count = copies.len();
    // In another process, as this looks at others only.
    task::run(|| {
        let files = OpenFile::find().unwrap();
        let with_table = |f: &&OpenFile| f.usage.tables.iter().any(|t| t.contexts == 77);
        let found: Vec<_> = files.iter().filter(with_table).collect();
        let [found] = found[..] else {
            panic!("{found:?}")
        };
        // Other tests fork meanwhile, and their children have copies for a moment.
        assert!(found.descriptors > count, "{found:?}");
        let device = found.device().unwrap();
        assert_eq!(device.table(table).unwrap().read(76).unwrap(), 5);
    });
}

#[test]
fn live_in_a_terminal() {
    let _alone = watching();
    // Tables of sizes that no other test has: all are shown.
    let tool = Tool::with_session();
    tool.run("-s s create 19").ok();
    tool.run("-s s create 9").ok();
    let mut command = tool.command("atomikctl");
    command.args(["top", "--interval", "100"]);
    let mut terminal = Terminal::start(command, 40, 120, false);
    terminal.wait_for("session and keys", |screen| {
        let of_session = |line: &str| line.contains("atomikctl") && line.contains(" s ");
        screen.lines().any(of_session) && screen.contains("ops/s") && screen.contains("q ends")
    });

    // Choose the session's row: the keys go one down each, and what is chosen is told below.
    while !terminal
        .wait_for("table", |s| s.contains(": changes"))
        .contains("table 1, 19 contexts")
    {
        let before = terminal.wait_for("anything", |_| true);
        terminal.write(b"j");
        terminal.wait_for("another row", |s| s != before);
    }
    // What is changed before the first look is no change.
    terminal.wait_for("a look inside", |s| {
        s.contains("table 1, 19 contexts") && s.contains("no change yet")
    });
    tool.run("-s s -t 1 accum 3 0xabc").ok();
    terminal.wait_for("change", |s| {
        s.contains("3  0x0000000000000000  0x0000000000000abc")
    });
    // Undone: that is another change.
    tool.run("-s s -t 1 rollback 3 0xabc").ok();
    terminal.wait_for("change back", |s| {
        s.contains("3  0x0000000000000abc  0x0000000000000000")
    });
    terminal.write(b"\t");
    terminal.wait_for("the next table", |s| s.contains("table 2, 9 contexts"));
    terminal.write(b"q");
    let (status, screen, restored) = terminal.end();
    assert!(status.success(), "{screen}");
    assert!(restored, "{screen}");
}

#[test]
fn control_c_ends_it_and_puts_the_terminal_back() {
    let _alone = watching();
    let tool = tool();
    let mut command = tool.command("atomikctl");
    command.arg("top");
    let mut terminal = Terminal::start(command, 10, 40, false);
    terminal.wait_for("top", |screen| screen.contains("atomik: "));
    terminal.write(b"\x03");
    let (status, screen, restored) = terminal.end();
    assert!(status.success() && restored, "{screen}");
}

#[test]
fn progress_is_shown_on_a_terminal_only() {
    let tool = tool();
    let input = "accum 1 1\n".repeat(100_000);
    fs::write(tool.directory().join("long"), &input).unwrap();
    let words = ["-s", "s", "-t", "1", "batch", "long"];
    let mut command = tool.command("atomikctl");
    command.args(words).stdout(std::process::Stdio::null());
    let mut terminal = Terminal::start(command, 10, 100, true);
    terminal.wait_for("progress", |screen| screen.contains(" left"));
    let (status, screen, _) = terminal.end();
    assert!(status.success(), "{screen}");
    // It's gone at the end, and the summary is there.
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
    let mut terminal = Terminal::start(command, 10, 100, false);
    let state = "read 1 = 0x0000000000000000";
    terminal.wait_for("state and progress", |screen| {
        screen.contains(state) && screen.contains(" left")
    });
    let (status, screen, _) = terminal.end();
    assert!(status.success(), "{screen}");
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
