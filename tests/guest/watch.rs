// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl watch`.

use atomik_test_support::tool::Tool;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Read, Write},
    os::unix::process::ExitStatusExt,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
};

fn tool() -> Tool {
    let tool = Tool::with_session();
    tool.run("-s s create 64").ok();
    tool
}

/// A program at work that prints lines.
struct Watcher {
    child: Child,
    printed: BufReader<ChildStdout>,
}

impl Watcher {
    fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let printed = BufReader::new(child.stdout.take().unwrap());
        Self { child, printed }
    }

    /// The next line, empty at the end.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.printed.read_line(&mut line).unwrap();
        line.trim_end().into()
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap());
        kill(pid, signal).unwrap();
    }

    /// What it prints to its end, and how it ends.
    fn end(mut self) -> (String, ExitStatus) {
        let mut rest = String::new();
        self.printed.read_to_string(&mut rest).unwrap();
        (rest, self.child.wait().unwrap())
    }

    #[track_caller]
    fn succeeds(self) {
        let (rest, status) = self.end();
        assert_eq!((rest.as_str(), status.code()), ("", Some(0)));
    }
}

/// `atomikctl watch --initial` at work. The states at the beginning tell that it has begun.
fn watch(tool: &Tool, words: &str) -> Watcher {
    let mut command = tool.command("atomikctl");
    command
        .args(["-s", "s", "watch", "--initial"])
        .args(words.split_whitespace());
    Watcher::start(command)
}

/// The same, which runs a line of the shell for each change.
fn watch_and_run(tool: &Tool, words: &str, line: &str) -> Watcher {
    let mut command = tool.command("atomikctl");
    command
        .args(["-s", "s", "watch", "--initial", "--format", "dec"])
        .args(words.split_whitespace())
        .args(["--exec", "sh", "-c", line]);
    Watcher::start(command)
}

#[test]
fn changes_are_printed_as_they_come() {
    let tool = tool();
    let mut watch = watch(&tool, "3 40 -f dec -n 2");
    assert_eq!(watch.line(), "3 0");
    assert_eq!(watch.line(), "40 0");
    tool.run("-s s load 4 7 3 5").ok();
    assert_eq!(watch.line(), "3 0 5");
    tool.run("-s s accum 40 9").ok();
    assert_eq!(watch.line(), "40 0 9");
    watch.succeeds();
}

#[test]
fn addresses_that_are_named_twice_are_watched_once() {
    let tool = tool();
    let mut watch = watch(&tool, "63 5..6 5 7 6..7 -f dec -n 4");
    for line in ["5 0", "6 0", "7 0", "63 0"] {
        assert_eq!(watch.line(), line);
    }
    // A BATCH: what it changes in neighbours is told together.
    tool.run("-s s load 4..8 1 62..63 2").ok();
    for line in ["5 0 1", "6 0 1", "7 0 1", "63 0 2"] {
        assert_eq!(watch.line(), line);
    }
    watch.succeeds();
}

#[test]
fn many_at_once_as_json() {
    let tool = tool();
    let mut watch = watch(&tool, ".. --json -n 64");
    let mut next = || -> Value { serde_json::from_str(&watch.line()).unwrap() };
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
    watch.succeeds();
}

#[test]
fn it_ends_with_the_table_or_the_time() {
    let tool = tool();
    let mut watch = watch(&tool, "0 9");
    assert_eq!(watch.line(), "0 0x0000000000000000");
    assert_eq!(watch.line(), "9 0x0000000000000000");
    tool.run("-s s destroy").ok();
    watch.succeeds();
    tool.run("-s s create 4").ok();
    for timeout in ["0", "0.01"] {
        tool.run(&format!("-s s watch 0 -n 1 --timeout {timeout}"))
            .failed(124, &["--timeout is over"]);
        tool.run(&format!("-s s watch 0 --timeout {timeout}")).ok();
    }
    tool.run("-s s watch 0 -n 0").ok();
    tool.run("-s s watch 0 --timeout 1s")
        .failed(2, &["not a number of seconds"]);
    tool.run("-s s watch 4")
        .failed(1, &["address 4 is outside table "]);
    tool.run("-s s watch 0..4")
        .failed(1, &["address 4 is outside table "]);
}

#[test]
fn it_ends_with_its_reader_though_nothing_changes() {
    let tool = tool();
    let mut watch = watch(&tool, "0");
    watch.line();
    drop(watch.printed);
    assert_eq!(watch.child.wait().unwrap().code(), Some(141));
}

#[test]
fn signals_end_it_when_all_is_told() {
    let tool = tool();
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        tool.run("-s s load 0 0").ok();
        let mut watch = watch(&tool, "0 -f dec");
        assert_eq!(watch.line(), "0 0");
        tool.run("-s s load 0 1").ok();
        watch.signal(signal);
        let (printed, status) = watch.end();
        assert_eq!(printed, "0 0 1\n");
        assert_eq!(status.signal(), Some(signal as i32));
    }
}

#[test]
fn a_signal_that_is_to_be_ignored_is() {
    let tool = tool();
    let mut command = tool.command("/bin/sh");
    let script = "trap '' HUP; exec atomikctl -s s watch -i 0 -f dec -n 1";
    command.args(["-c", script]);
    let mut watch = Watcher::start(command);
    assert_eq!(watch.line(), "0 0");
    watch.signal(Signal::SIGHUP);
    tool.run("-s s load 0 1").ok();
    assert_eq!(watch.line(), "0 0 1");
    watch.succeeds();
}

/// The pipe is full, so it waits in the middle of its output.
#[test]
fn a_signal_ends_it_though_nobody_reads() {
    let tool = Tool::with_session();
    tool.run("-s s create 65536").ok();
    let mut watch = watch(&tool, "..");
    assert_eq!(watch.line(), "0 0x0000000000000000");
    watch.signal(Signal::SIGTERM);
    let status = watch.child.wait().unwrap();
    assert_eq!(status.signal(), Some(Signal::SIGTERM as i32));
}

/// The interval never ends here; the signal does what is left.
#[test]
fn between_two_reports_changes_become_one() {
    let tool = tool();
    let mut watch = watch(&tool, "0 -f dec --interval 1000000000000");
    assert_eq!(watch.line(), "0 0");
    tool.run("-s s load 0 1").ok();
    assert_eq!(watch.line(), "0 0 1");
    tool.run("-s s load 0 2").ok();
    tool.run("-s s load 0 3").ok();
    watch.signal(Signal::SIGTERM);
    assert_eq!(watch.end().0, "0 1 3\n");
}

#[test]
fn a_command_learns_what_has_changed() {
    let tool = tool();
    let line = "echo $ATOMIK_TABLE $ATOMIK_ADDR ${ATOMIK_BEFORE-none} $ATOMIK_AFTER";
    let mut watch = watch_and_run(&tool, "3..4 -n 2", line);
    assert_eq!(watch.line(), "1 3 none 0");
    assert_eq!(watch.line(), "1 4 none 0");
    tool.run("-s s load 3 5 4 6").ok();
    assert_eq!(watch.line(), "1 3 0 5");
    assert_eq!(watch.line(), "1 4 0 6");
    watch.succeeds();
}

#[test]
fn changes_while_a_command_runs_become_one_and_none_is_lost() {
    let tool = tool();
    let line = "echo $ATOMIK_ADDR ${ATOMIK_BEFORE-none} $ATOMIK_AFTER; read line";
    let mut watch = watch_and_run(&tool, "3..5 -n 2", line);
    // Each command waits for a line.
    let mut stdin = watch.child.stdin.take().unwrap();
    for start in ["3 none 0", "4 none 0"] {
        assert_eq!(watch.line(), start);
        stdin.write_all(b"\n").unwrap();
    }
    assert_eq!(watch.line(), "5 none 0");
    for load in ["3 1", "4 9", "3 2", "5 7", "3 3", "5 0"] {
        tool.run(&format!("-s s load {load}")).ok();
    }
    stdin.write_all(b"\n").unwrap();
    assert_eq!(watch.line(), "3 0 3");
    stdin.write_all(b"\n").unwrap();
    assert_eq!(watch.line(), "4 0 9");
    stdin.write_all(b"\n").unwrap();
    watch.succeeds();
}

#[test]
fn commands_that_fail_are_told() {
    let tool = tool();
    let script = "atomikctl -s s watch 0..2 -i -n 0 --exec sh -c 'echo here; exit $ATOMIK_ADDR'";
    let ran = tool.shell(script);
    assert_eq!((ran.status, ran.stdout.as_str()), (1, "here\nhere\nhere\n"));
    let said = "atomikctl: the command for address 1 exited with status 1\n\
        atomikctl: the command for address 2 exited with status 2\n\
        atomikctl: 2 of 3 commands failed\n";
    assert_eq!(ran.stderr, said);
    let script = "atomikctl --json -s s watch 7 -i -n 0 --exec sh -c 'kill -9 $$'";
    let ran = tool.shell(script);
    let said: Vec<Value> = (ran.stderr.lines())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let note = "the command for address 7 was ended by signal 9";
    assert_eq!(said[0]["note"], note, "{said:?}");
    assert_eq!(said[1]["error"], "1 of 1 command failed", "{said:?}");
    assert_eq!((ran.status, said.len()), (1, 2));
}

#[test]
fn a_command_that_cant_be_run_ends_it() {
    let tool = tool();
    // The words behind it are its own.
    tool.run("-s s watch 0 -i --exec nowhere --json -n 0")
        .failed(127, &["atomikctl: can't run nowhere: "]);
    tool.run("-s s watch 0 -i --exec /tmp")
        .failed(126, &["atomikctl: can't run /tmp: "]);
    tool.run("-s s watch 0 --exec").failed(2, &["--exec"]);
    tool.run("-s s watch --exec true").failed(2, &["ADDR"]);
}
