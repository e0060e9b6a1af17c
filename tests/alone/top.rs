// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl top`, in a terminal and without one. As root it looks into the files of all tests,
//! where that counts as operations.

use crate::alone;
use atomik::{
    Device,
    session::{OpenFile, SessionName, Sessions},
};
use atomik_test_support::{raw::open_device, task, terminal::Terminal, tool::Tool};
use nix::sys::signal::Signal::{self, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::process::ExitStatusExt,
    process::Stdio,
};

/// A tool with two sessions of two tables each. Their holders' ids have the order of the names,
/// unless they have wrapped.
fn tool() -> Tool {
    let tool = Tool::with_session();
    tool.run("session start z").ok();
    for create in [
        "-s s create 19",
        "-s s create 9",
        "-s z create 7",
        "-s z create 5",
    ] {
        tool.run(create).ok();
    }
    tool
}

fn rows(tool: &Tool, words: &str) -> Vec<Value> {
    let lines = tool.run(words).ok();
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn top(tool: &Tool, words: &str) -> Terminal {
    let mut command = tool.command("atomikctl");
    command.args(words.split_whitespace());
    Terminal::start(command, 40, 120, false)
}

/// Waits until `top` has looked into a table. From then on it shows changes.
#[track_caller]
fn wait_for_look(terminal: &mut Terminal, table: &str) {
    terminal.wait_for(table, |s| s.contains(table) && s.contains("no change yet"));
}

#[test]
fn once_as_json() {
    let _alone = alone();
    let tool = tool();
    tool.run("-s s -t 1 load 0..9 1").ok();
    let rows = rows(&tool, "--json top --interval 50");
    let names: Vec<_> = rows.iter().map(|row| &row["session"]).collect();
    assert_eq!(names, ["s", "z"]);
    let own = &rows[0];
    assert_eq!(own["command"], "atomikctl");
    // With the READ that finds table 1.
    assert_eq!(own["ops"], 11, "{own}");
    assert_eq!(own["descriptors"], 1, "{own}");
    let tables = own["tables"].as_array().unwrap().iter();
    let tables: Vec<_> = tables.map(|table| &table["contexts"]).collect();
    assert_eq!(tables, [19, 9]);
    let text = tool.run("top --once --interval 50").ok();
    assert!(text.lines().next().unwrap().contains("ops/s"), "{text}");
    assert_eq!(text.matches("atomikctl").count(), 2, "{text}");
}

#[test]
fn of_one_file_only() {
    let _alone = alone();
    let tool = tool();
    let rows = rows(&tool, "-s z --json top --interval 50");
    let [row] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!(row["session"], "z");
    // The shell has opened it; the command itself doesn't count.
    let script = "exec 3<>/dev/atomik; atomikctl --fd 3 create 3 >/dev/null
        atomikctl --fd 3 top --once --interval 50; :";
    let text = tool.shell(script).ok();
    let words: Vec<Vec<_>> = text
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let [_heading, row] = &words[..] else {
        panic!("{text}")
    };
    assert_eq!(row[1..3], ["3", "sh"], "{text}");
    tool.run("-s nobody top --once")
        .failed(3, &["no session 'nobody'", "hint: "]);
}

#[test]
fn an_exported_table_is_a_row_of_its_own() {
    let _alone = alone();
    let tool = tool();
    let mut reader = tool.command("atomikctl");
    let script = "echo started; exec sleep 1000";
    reader
        .args(["session", "exec", "s", "-t", "2", "--read-only", "--"])
        .args(["/bin/sh", "-c", script])
        .stdout(Stdio::piped());
    let mut reader = reader.spawn().unwrap();
    let mut line = String::new();
    let mut printed = BufReader::new(reader.stdout.take().unwrap());
    printed.read_line(&mut line).unwrap();
    let rows = rows(&tool, "--json top --interval 50");
    let text = tool.run("top --once --interval 50").ok();
    reader.kill().unwrap();
    reader.wait().unwrap();
    let exports: Vec<_> = rows.iter().filter(|row| !row["export"].is_null()).collect();
    let [export] = exports[..] else {
        panic!("{rows:?}")
    };
    assert_eq!(rows.len(), 3, "{rows:?}");
    assert_eq!(export["export"], "read-only");
    assert_eq!(
        (&export["pid"], &export["fd"]),
        (&reader.id().into(), &3.into())
    );
    assert_eq!(export["session"], Value::Null);
    let tables = serde_json::json!([{"table": 2, "contexts": 9}]);
    assert_eq!(export["tables"], tables);
    // Its operations count for the session's file, and the table's memory, but not its own.
    assert!(export["bytes"].as_u64().is_some_and(|n| n > 0), "{export}");
    let words = |line: &str| {
        line.split_whitespace()
            .skip(1)
            .collect::<Vec<_>>()
            .join(" ")
    };
    let row = "3 sh - 1 ro 9 1 - -";
    let also = "3 sleep - 1 ro 9 1 - -";
    let found = text.lines().map(words);
    assert_eq!(
        found.filter(|line| line == row || line == also).count(),
        1,
        "{text}"
    );
}

#[test]
fn one_file_is_one_row_however_many_share_it() {
    let _alone = alone();
    let file = open_device();
    let table = file.create(77).unwrap();
    let copies: Vec<_> = (0..3).map(|_| file.0.try_clone().unwrap()).collect();
    file.load(table, 76, 5).unwrap();
    let count = copies.len() + 1;
    // Look from another process, as `find` skips its own. Its copies don't count then.
    task::run(|| {
        let files = OpenFile::find().unwrap();
        let [found] = &files[..] else {
            panic!("{files:?}")
        };
        assert_eq!(found.descriptors, count, "{found:?}");
        let device = found.device().unwrap();
        assert_eq!(device.table(table).unwrap().read(76).unwrap(), 5);
    });
}

/// Stopping a session returns when the driver can be unloaded.
#[test]
fn a_session_that_is_stopped_has_closed_its_file() {
    let _alone = alone();
    let tool = Tool::new();
    let sessions = Sessions::at(tool.directory().join("atomik")).unwrap();
    for round in 0..50 {
        tool.run("session start s").ok();
        let files = OpenFile::find().unwrap();
        let [file] = &files[..] else {
            panic!("{files:?}")
        };
        let descriptor = format!("/proc/{}/fd/{}", file.pid, file.descriptor);
        sessions.stop(&"s".parse().unwrap()).unwrap();
        assert!(fs::read_link(descriptor).is_err(), "in round {round}");
    }
}

#[test]
fn live_in_a_terminal() {
    let _alone = alone();
    let tool = tool();
    let mut terminal = top(&tool, "top --interval 100");
    terminal.wait_for("sessions and keys", |screen| {
        screen.contains("2 open files") && screen.contains("ops/s") && screen.contains("q ends")
    });
    // Up and down, one row each.
    wait_for_look(&mut terminal, "table 1, 19 contexts");
    terminal.write(b"j");
    wait_for_look(&mut terminal, "table 1, 7 contexts");
    terminal.write(b"k");
    wait_for_look(&mut terminal, "table 1, 19 contexts");

    tool.run("-s s -t 1 accum 3 0xabc").ok();
    let change = "3  0x0000000000000000  0x0000000000000abc";
    terminal.wait_for("change", |s| s.contains(change));
    // Undone: that is another change.
    tool.run("-s s -t 1 rollback 3 0xabc").ok();
    let back = "3  0x0000000000000abc  0x0000000000000000";
    terminal.wait_for("change back", |s| s.contains(back));
    // There is no row above. The text after that key appears together with the text before it.
    terminal.write(b"k");
    tool.run("-s s -t 1 accum 4 0xd").ok();
    let all = ["4  0x0000000000000000  0x000000000000000d", back, change];
    terminal.wait_for("all changes", |s| {
        all.iter().all(|change| s.contains(change))
    });

    terminal.write(b"\t");
    terminal.wait_for("the next table", |s| s.contains("table 2, 9 contexts"));
    tool.run("-s s -t 2 destroy").ok();
    terminal.wait_for("the other table", |s| s.contains("table 1, 19 contexts"));
    terminal.write(b"q");
    let left = terminal.end();
    assert!(left.status.success() && left.restored, "{}", left.screen);
}

/// What isn't an operation shows as well: files and tables that come and go.
#[test]
fn files_and_tables_come_and_go_in_a_terminal() {
    let _alone = alone();
    let tool = Tool::new();
    let mut terminal = top(&tool, "top --interval 50");
    let rows = |screen: &str| -> Vec<Vec<String>> {
        let words = |line: &str| line.split_whitespace().map(String::from).collect();
        (screen.lines().map(words))
            .filter(|row: &Vec<String>| row.get(2).is_some_and(|name| name == "atomikctl"))
            .collect()
    };
    // Sessions, and the numbers of tables and contexts.
    let mut wait_for = |expected: &[[&str; 3]]| {
        terminal.wait_for(&format!("{expected:?}"), |screen| {
            let mut found = rows(screen);
            found.sort_by(|a, b| a[3].cmp(&b[3]));
            found.iter().map(|row| &row[3..6]).eq(expected)
        });
    };
    wait_for(&[]);
    tool.run("session start a").ok();
    wait_for(&[["a", "0", "0"]]);
    tool.run("-s a create 7").ok();
    wait_for(&[["a", "1", "7"]]);
    tool.run("session start b").ok();
    wait_for(&[["a", "1", "7"], ["b", "0", "0"]]);
    tool.run("session stop a").ok();
    tool.run("session start c").ok();
    wait_for(&[["b", "0", "0"], ["c", "0", "0"]]);
    tool.run("session stop b").ok();
    tool.run("-s c create 3").ok();
    wait_for(&[["c", "1", "3"]]);
    tool.run("-s c destroy").ok();
    wait_for(&[["c", "0", "0"]]);
    tool.run("session stop c").ok();
    wait_for(&[]);
    terminal.write(b"q");
    assert!(terminal.end().status.success());
}

#[test]
fn a_file_and_a_table_that_are_named_come_first() {
    let _alone = alone();
    let tool = tool();
    let mut terminal = top(&tool, "-s z -t 2 top");
    wait_for_look(&mut terminal, "table 2, 5 contexts");
    terminal.wait_for("one file", |s| s.contains("1 open file\n"));
    // At the end nobody has it open but this test.
    tool.run("session stop z").ok();
    terminal.wait_for("nobody", |s| s.contains("nobody has the device open"));
    terminal.write(b"q");
    assert!(terminal.end().status.success());
    let mut terminal = top(&tool, "-s s -t 3 top");
    terminal.wait_for("the error", |s| s.contains("there is no table 3"));
    assert_eq!(terminal.end().status.code(), Some(1));
}

#[test]
fn control_c_ends_it_and_puts_the_terminal_back() {
    let _alone = alone();
    let tool = tool();
    let mut terminal = top(&tool, "top");
    terminal.wait_for("top", |screen| screen.contains("atomik: "));
    terminal.write(b"\x03");
    let left = terminal.end();
    assert!(left.status.success() && left.restored, "{}", left.screen);
}

/// Starts `top`, and waits until it is on the screen; the next look is far away.
fn on_the_screen(tool: &Tool) -> Terminal {
    let mut terminal = top(tool, "top --interval 60000");
    terminal.wait_for("top", |screen| screen.contains("q ends"));
    terminal
}

#[test]
fn signals_end_it_and_find_the_terminal_put_back() {
    let _alone = alone();
    let tool = Tool::new();
    for signal in [SIGTERM, SIGINT, SIGQUIT, SIGHUP] {
        let terminal = on_the_screen(&tool);
        terminal.signal(signal);
        let left = terminal.end();
        // The exit status shows the signal that ended it.
        assert_eq!(left.status.signal(), Some(signal as i32));
        assert!(left.restored, "{signal}: {}", left.screen);
    }
}

/// Then it waits in the middle of its output, where nothing is read any more.
#[test]
fn signals_end_it_though_nobody_reads_the_terminal() {
    let _alone = alone();
    let tool = Tool::new();
    let terminal = on_the_screen(&tool);
    terminal.suspend();
    // It draws everything once more, for which there is no room.
    terminal.signal(SIGCONT);
    terminal.signal(SIGTERM);
    let left = terminal.end();
    assert_eq!(left.status.signal(), Some(SIGTERM as i32));
}

#[test]
fn while_it_is_stopped_the_terminal_is_put_back() {
    let _alone = alone();
    let tool = Tool::new();
    let mut terminal = on_the_screen(&tool);
    let stops: [&dyn Fn(&Terminal); 2] = [&|terminal| terminal.write(b"\x1a"), &|terminal| {
        terminal.signal(SIGTSTP)
    }];
    for stop in stops {
        stop(&terminal);
        assert!(terminal.stopped());
        terminal.signal(SIGCONT);
        terminal.wait_for("it again", |screen| screen.contains("q ends"));
    }
    terminal.write(b"q");
    let left = terminal.end();
    assert!(left.status.success() && left.restored, "{}", left.screen);
}

/// A signal that it was started to ignore stays ignored, as `nohup` wants.
#[test]
fn a_signal_that_is_to_be_ignored_is() {
    let _alone = alone();
    let tool = Tool::new();
    let mut command = tool.command("/bin/sh");
    command.args(["-c", "trap '' HUP; exec atomikctl top --interval 60000"]);
    let mut terminal = Terminal::start(command, 40, 120, false);
    terminal.wait_for("top", |screen| screen.contains("q ends"));
    terminal.signal(Signal::SIGHUP);
    terminal.write(b"q");
    let left = terminal.end();
    assert!(left.status.success() && left.restored, "{}", left.screen);
}

/// A process chooses its name, which must do no harm to a terminal.
#[test]
fn names_have_nothing_that_a_terminal_obeys() {
    let _alone = alone();
    let tool = Tool::new();
    let script = r"exec 3<>/dev/atomik; printf '\033[2J\302\233x' >/proc/$$/comm
        atomikctl --fd 3 top --once --interval 50; atomikctl --json --fd 3 top --interval 50; :";
    let ran = tool.shell(script).ok();
    let odd = ran.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(odd, None, "{ran:?}");
    let lines: Vec<_> = ran.lines().collect();
    let [_heading, text, json] = lines[..] else {
        panic!("{ran}")
    };
    assert!(text.contains(r"\u{1b}[2J\u{9b"), "{text}");
    let json: Value = serde_json::from_str(json).unwrap();
    assert_eq!(json["command"], "\x1b[2J\u{9b}x");
}

/// A program may hold a session and have other files open.
#[test]
fn a_session_is_the_file_that_its_holder_serves() {
    let _alone = alone();
    let tool = Tool::new();
    let sessions = Sessions::at(tool.directory().join("atomik")).unwrap();
    let name: SessionName = "s".parse().unwrap();
    let holder = task::spawn(|| {
        let files = [1, 2, 3].map(|contexts| {
            let device = Device::open().unwrap();
            device.create_table(contexts).unwrap().into_id();
            device
        });
        let [_other, served, _another] = files;
        sessions.hold(&name, served).unwrap().serve().unwrap();
    });
    while sessions.connect(&name).is_err() {}
    let found = rows(&tool, "--json top --interval 50");
    let named: Vec<_> = found
        .iter()
        .map(|row| (&row["tables"][0]["contexts"], row["session"].as_str()))
        .collect();
    assert_eq!(
        named,
        [(&1.into(), None), (&2.into(), Some("s")), (&3.into(), None)]
    );
    sessions.stop(&name).unwrap();
    task::join(holder);
}
