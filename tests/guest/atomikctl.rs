// SPDX-License-Identifier: MIT OR Apache-2.0

//! The command `atomikctl` on the real device, as a user runs it.

use atomik_test_support::tool::{Ran, Tool, finish};
use serde_json::{Value, json};
use std::{
    io::Write,
    os::unix::process::CommandExt,
    process::{Command, Stdio},
};

/// Runs `atomikctl` with these words and this standard input.
fn atomikctl(words: &str, input: &str) -> Ran {
    let mut command = Command::new("atomikctl");
    command.args(words.split_whitespace());
    finish(command, input.as_bytes())
}

#[test]
fn info() {
    let ran = atomikctl("info", "");
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    let has = |name: &str, value: &str| {
        let line = ran.stdout.lines().find(|line| line.starts_with(name));
        assert_eq!(
            line.and_then(|line| line.split_whitespace().last()),
            Some(value)
        );
    };
    has("device", "/dev/atomik");
    has("version", env!("CARGO_PKG_VERSION"));
    has("backend", "software");

    let ran = atomikctl("--json info", "");
    let info: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(info["version"], env!("CARGO_PKG_VERSION"));
    assert!(info["ops_total"].is_u64());
}

const SCRIPT: &str = "\
# The examples of the design.
create 256
load 0 0xCAFEBABE   # hex
accum 0 1
read 0
load 1 1_000
accum 1 50
swap 1
read 1
begin
    load 2 0xFF00
    accum 2 0b1111_1111
    read 2
end
";

#[test]
fn run_prints_what_read_and_swap_return() {
    let ran = atomikctl("run -", SCRIPT);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    assert_eq!(
        ran.stdout,
        "table 1\n\
         read 0 = 0x00000000cafebabf\n\
         swap 1 = 0x00000000000003da\n\
         read 1 = 0x00000000000003da\n\
         read 2 = 0x000000000000ffff\n"
    );
}

#[test]
fn run_as_json() {
    let ran = atomikctl("--json run", "load 3 0xFFFFFFFFFFFFFFFF\nread 3\n");
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    let value: Value = serde_json::from_str(&ran.stdout).unwrap();
    let expected = json!({
        "line": 2, "op": "read", "table": 1, "addr": 3,
        "value": u64::MAX, "hex": "0xffffffffffffffff",
    });
    assert_eq!(value, expected);
}

#[test]
fn run_says_where_and_why_it_stopped() {
    let ran = atomikctl("run", "create 16\nload 1 5\nread 16\nread 1\n");
    assert_eq!(ran.status, 1);
    assert_eq!(ran.stdout, "table 1\n");
    assert!(
        ran.stderr
            .contains(":3: read 16: address 16 is outside table 1, which has 16 contexts"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("hint: "), "{}", ran.stderr);
}

#[test]
fn a_script_ends_where_a_condition_does_not_hold() {
    // In a batch, it is checked before all the others.
    let begin = "create 4\nload 0 5\nexpect 0 5\nbegin\nset 0 6\nexpect 0 5\nread 0\nend\n";
    let ran = atomikctl("run", &format!("{begin}expect 0 6\nexpect 0 5\nread 0\n"));
    assert_eq!(ran.status, 4);
    let printed = "table 1\nread 0 = 0x0000000000000006\n";
    assert_eq!(ran.stdout, printed);
    let said = "<stdin>:10: expect 0 0x5: the state at address 0 is 0x0000000000000006, where \
        0x0000000000000005 was expected\n";
    assert_eq!(ran.stderr, format!("atomikctl: {said}"));

    let end = "begin\nset 1 1\nexpect 1 0\nexpect 0 7\nend\nread 1\n";
    let ran = atomikctl("run", &format!("{begin}{end}"));
    assert_eq!((ran.status, ran.stdout.as_str()), (4, printed));
    let said = "<stdin>:12: expect 0 0x7: the batch was not applied: the state at address 0 is";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    let ran = atomikctl("--json run", "expect 3 1\n");
    let error: Value = serde_json::from_str(&ran.stderr).unwrap();
    assert_eq!((ran.status, &error["status"]), (4, &json!(4)));
    assert_eq!(
        (&error["addr"], &error["found"]),
        (&json!(3), &json!("0x0000000000000000"))
    );
}

#[test]
fn nothing_runs_of_a_script_with_a_mistake() {
    let ran = atomikctl("run", "create 16\nraed 1\nload 1\n");
    assert_eq!((ran.status, ran.stdout.as_str()), (2, ""));
    assert!(
        ran.stderr.contains(":2:") && ran.stderr.contains(":3:"),
        "{}",
        ran.stderr
    );
    assert_eq!(atomikctl("run --check", SCRIPT).status, 0);
}

#[test]
fn a_missing_device_has_a_status_of_its_own() {
    let ran = atomikctl("--device /dev/none info", "");
    assert_eq!((ran.status, ran.stdout.as_str()), (3, ""));
    assert!(ran.stderr.contains("hint: "), "{}", ran.stderr);
}

/// An option goes before the environment, and the message names the file.
#[test]
fn options_before_the_environment() {
    let tool = Tool::with_session();
    tool.run("-s s create 4").ok();
    tool.run("session start other").ok();
    let run = |words: &str| {
        let mut command = tool.command("atomikctl");
        command.env("ATOMIK_SESSION", "other");
        command.args(words.split_whitespace());
        finish(command, b"")
    };
    run("list").ok();
    assert_eq!(run("-s s list").ok().lines().count(), 2);
    let opened = |words: &str| {
        let printed = run(words).ok();
        let first = printed.lines().next().unwrap_or_default();
        first.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(opened("info"), "session other");
    assert_eq!(opened("info -s s"), "session s");
    assert_eq!(opened("--device /dev/atomik info"), "device /dev/atomik");
    let info: Value = serde_json::from_str(&run("--json info").ok()).unwrap();
    assert_eq!(
        (&info["session"], info.get("device")),
        (&json!("other"), None)
    );
    let script = "exec 3<>/dev/atomik; ATOMIK_SESSION=other atomikctl --fd 3 info";
    assert!(tool.shell(script).ok().starts_with("fd              3\n"));
    run("--device /dev/none info").failed(3, &["/dev/none"]);
    // On a device that it opened itself, a script's tables are its own.
    tool.run("-s other create 4").ok();
    let script = "printf 'create 4\n' | ATOMIK_SESSION=other atomikctl --device /dev/atomik run";
    assert_eq!(tool.shell(script).ok(), "table 1\n");
}

/// With --json, standard error has only JSON, an object a line.
#[test]
fn errors_as_json() {
    let tool = Tool::with_session();
    tool.run("-s s create 4").ok();
    let errors = |words: &str, input: &str, status: i32| {
        let ran = tool.run_with(&format!("--json {words}"), input.as_bytes());
        assert_eq!((ran.status, ran.stdout.as_str()), (status, ""), "{ran:?}");
        let parse = |line| serde_json::from_str::<Value>(line).expect(line);
        ran.stderr.lines().map(parse).collect::<Vec<_>>()
    };
    let [error] = &errors("-s s read 4", "", 1)[..] else {
        panic!("one error")
    };
    assert_eq!(error["status"], 1);
    assert!(
        error["error"]
            .as_str()
            .unwrap()
            .contains("address 4 is outside table 1")
    );
    assert!(error["hint"].is_string());
    let found = errors("run", "laod 0 1\nread x\n", 2);
    let texts: Vec<_> = found.iter().map(|e| e["error"].as_str().unwrap()).collect();
    assert!(texts[0].contains("<stdin>:1: ") && texts[1].contains("<stdin>:2: "));
    for (words, status) in [
        ("-s none list", 3),
        ("read", 2),
        ("doctor -s s", 2),
        ("dance", 2),
        ("--device /dev/none session start t", 3),
        ("session exec s -- /dev/null", 126),
        ("replicate status a", 127),
    ] {
        let found = errors(words, "", status);
        assert_eq!(found.len(), 1, "{words}: {found:?}");
        assert_eq!(found[0]["status"], status, "{words}");
    }
    let notes = errors("-s s batch", "load 0 1\n", 0);
    assert!(
        notes[0]["note"]
            .as_str()
            .unwrap()
            .starts_with("1 operation in 1 batch")
    );
}

#[test]
fn the_reader_may_go_away() {
    let script = "read 0\n".repeat(20_000);
    let mut child = Command::new("atomikctl")
        .arg("run")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let _ = child.stdin.take().unwrap().write_all(script.as_bytes());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.stderr, b"");
    assert_eq!(output.status.code(), Some(141));
}

/// A user outside the group is told how to join.
#[test]
fn without_permission() {
    let path = std::path::Path::new("/tmp/device-of-others");
    let _ = std::fs::remove_file(path);
    let device = nix::sys::stat::stat("/dev/atomik").unwrap().st_rdev;
    let (kind, mode) = (
        nix::sys::stat::SFlag::S_IFCHR,
        nix::sys::stat::Mode::S_IRUSR,
    );
    nix::sys::stat::mknod(path, kind, mode, device).unwrap();
    let output = Command::new("atomikctl")
        .args(["--device", "/tmp/device-of-others", "info"])
        .uid(65534)
        .gid(65534)
        .output()
        .unwrap();
    std::fs::remove_file(path).unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{said}");
    for part in ["permission", "hint: join the group atomik"] {
        assert!(said.contains(part), "{part} in {said}");
    }
}
