// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl batch`: streams of operations.

use atomik_test_support::{fdinfo, tool::Tool};
use std::{fs, os::fd::AsFd};

fn tool() -> Tool {
    let tool = Tool::with_session();
    tool.run("-s s create 64").ok();
    tool
}

#[test]
fn text() {
    let tool = tool();
    let input = b"load 0 5 # five\naccum 0 7\n\nread 0\nswap 0 9\nread 0\nswap 0\n";
    let (printed, said) = tool.run_with("-s s batch -f dec", input).said();
    assert_eq!(printed, "read 0 = 2\nswap 0 = 2\nread 0 = 9\nswap 0 = 9\n");
    assert!(
        said.contains("6 operations in 1 batch, 4 states returned, "),
        "{said}"
    );
    assert_eq!(tool.run_with("-s s batch -q -", b"").ok(), "");
}

#[test]
fn json_lines_in_and_out() {
    let tool = tool();
    let input = br#"{"op":"load","addr":1,"value":"0xffffffffffffffff"}
{"op":"accum","addr":1,"delta":1}
{"op":"read","addr":1}
"#;
    let printed = tool.run_with("-s s --json batch -q -i json", input).ok();
    let expected = "{\"op\":\"read\",\"table\":1,\"addr\":1,\"value\":18446744073709551614,\
        \"hex\":\"0xfffffffffffffffe\"}\n";
    assert_eq!(printed, expected);
}

#[test]
fn csv_in_and_out() {
    let tool = tool();
    fs::write(
        tool.directory().join("ops.csv"),
        "op,addr,value\nload,2,8\nread,2,\n",
    )
    .unwrap();
    let printed = tool.run("-s s batch -q ops.csv -o csv -f dec").ok();
    assert_eq!(printed, "op,addr,value\nread,2,8\n");
    // It refuses its own output as input, as reads have no values, and says so.
    let ran = tool.run_with("-s s batch -q -i csv", printed.as_bytes());
    ran.failed(2, &["<stdin>:2: `read` takes no value"]);
}

#[test]
fn a_long_stream_goes_in_batches() {
    let tool = tool();
    let line = |n: u64| format!("accum {} {n}\n", n % 64);
    let input = (0..10_000).fold(String::new(), |input, n| input + &line(n));
    let (printed, said) = tool.run_with("-s s batch", input.as_bytes()).said();
    assert_eq!(printed, "");
    assert!(
        said.contains("10000 operations in 3 batches, 0 states"),
        "{said}"
    );
    let expected = (0..10_000u64)
        .filter(|n| n % 64 == 5)
        .fold(0, |sum, n| sum ^ n);
    assert_eq!(tool.run("-s s read 5 -f dec").ok(), format!("{expected}\n"));
    let (_, said) = tool
        .run_with("-s s batch --chunk 100", input.as_bytes())
        .said();
    assert!(said.contains("10000 operations in 100 batches"), "{said}");
    // Undone.
    assert_eq!(tool.run("-s s dump --nonzero").ok().lines().count(), 1);
}

#[test]
fn a_swap_with_a_new_reference_is_not_divided() {
    let tool = tool();
    let input = b"load 0 1\nswap 0 2\nswap 0 3\nread 0\n";
    for chunk in 1..6 {
        let words = format!("-s s batch -q -f dec --chunk {chunk}");
        let printed = tool.run_with(&words, input).ok();
        assert_eq!(printed, "swap 0 = 1\nswap 0 = 2\nread 0 = 3\n", "{chunk}");
    }
}

#[test]
fn conditions_begin_batches() {
    let tool = tool();
    let input = b"load 0 5\nexpect 0 5\nexpect 1 0\nset 0 6\nset 1 1\nread 0\n\
        expect 0 6\nset 0 7\n";
    for chunk in [1, 3, 4096] {
        tool.run("-s s load .. 0").ok();
        let words = format!("-s s batch -f dec --chunk {chunk}");
        let (printed, said) = tool.run_with(&words, input).said();
        assert_eq!(printed, "read 0 = 6\n");
        let summary = "8 operations in 3 batches, 1 state returned";
        assert!(said.contains(summary), "{said}");
    }
    let states = || tool.run("-s s read 0..2 -f dec").ok();
    assert_eq!(states(), "0 7\n1 1\n2 0\n");

    // Nothing is done of the batch, and what stands before it is.
    let input = b"set 2 1\n# of two\nexpect 1 1\nexpect 0 8\nset 0 9\nset 1 9\nexpect 0 9\n";
    tool.run_with("-s s batch", input).failed(
        4,
        &[
            "<stdin>:4: the state at address 0 is 0x0000000000000007, where 0x0000000000000008 \
             was expected",
            "hint: the one operation before it was done",
        ],
    );
    assert_eq!(states(), "0 7\n1 1\n2 1\n");

    // All formats have them.
    let input = b"op,addr,value\nexpect,0,7\nset,0,8\n";
    tool.run_with("-s s batch -q -i csv", input).ok();
    let input = br#"{"op":"expect","addr":0,"value":"0x8"}
{"op":"set","addr":0,"value":9}
"#;
    tool.run_with("-s s batch -q -i json", input).ok();
    assert_eq!(states(), "0 9\n1 1\n2 1\n");
    let ran = tool.run_with("-s s --json batch -q -i json", input);
    assert_eq!((ran.status, ran.stdout.as_str()), (4, ""));
    let error: serde_json::Value = serde_json::from_str(&ran.stderr).unwrap();
    assert_eq!((&error["status"], &error["addr"]), (&4.into(), &0.into()));
    assert_eq!(error["expected"], "0x0000000000000008");
    assert_eq!(error["found"], "0x0000000000000009");
    // A comparison changes nothing.
    tool.run_with("-s s batch -q", b"expect 0 9\nexpect 1 1\n")
        .ok();
    assert_eq!(states(), "0 9\n1 1\n2 1\n");
}

#[test]
fn a_batch_with_conditions_is_not_divided() {
    let tool = tool();
    let input = |sets| "load 1 5\nexpect 0 0\n".to_owned() + &"set 0 1\n".repeat(sets);
    let ran = tool.run_with("-s s batch", input(4096).as_bytes());
    ran.failed(
        2,
        &[
            "<stdin>:2: this condition begins a batch of more than 4096 entries",
            "the one operation before it was done",
        ],
    );
    assert_eq!(tool.run("-s s read 0..1 -f dec").ok(), "0 0\n1 5\n");
    let (_, said) = tool.run_with("-s s batch", input(4095).as_bytes()).said();
    assert!(said.contains("4097 operations in 2 batches"), "{said}");
    assert_eq!(tool.run("-s s read 0 -f dec").ok(), "1\n");
}

#[test]
fn a_mistake_ends_the_stream() {
    let tool = tool();
    let ran = tool.run_with("-s s batch", b"load 0 1\nlaod 0 2\n");
    ran.failed(2, &["<stdin>:2: expected", "hint: nothing was done"]);
    assert_eq!(tool.run("-s s read 0 -f dec").ok(), "0\n");
    let ran = tool.run_with(
        "-s s batch --chunk 2",
        b"load 0 1\nload 1 1\nload 2 1\nload 64 2\n",
    );
    ran.failed(
        1,
        &[
            "address 64 is outside table 1",
            "the first 2 operations before it were done",
        ],
    );
    assert_eq!(tool.run("-s s read 0..2 -f dec").ok(), "0 1\n1 1\n2 0\n");
    for line in ["create 4", "begin", "table 1", "load 0", "load 0 1 2"] {
        let ran = tool.run_with("-s s batch", line.as_bytes());
        assert_eq!(ran.status, 2, "{line}");
    }
    tool.run("-s s batch /nowhere")
        .failed(2, &["can't read /nowhere"]);
    let ran = tool.run_with("-s s batch", b"load 0 \xff\n");
    ran.failed(2, &["<stdin>:1: "]);
}

/// Any end of lines, and a byte order mark.
#[test]
fn every_operation_of_an_input_counts() {
    let tool = tool();
    let json = r#"{"op":"load","addr":0,"value":1}|{"op":"load","addr":1,"value":2}|"#;
    for (kind, input) in [
        ("text", "load 0 1|load 1 2|"),
        ("csv", "# a table|op,addr,value|load,0,1|load,1,2|"),
        ("json", json),
    ] {
        for end in ["\n", "\r\n", "\r"] {
            for mark in ["", "\u{feff}"] {
                let input = mark.to_owned() + &input.replace('|', end);
                for input in [&input, input.trim_end()] {
                    tool.run("-s s load .. 0").ok();
                    let words = format!("-s s batch -q -i {kind}");
                    tool.run_with(&words, input.as_bytes()).ok();
                    let states = tool.run("-s s read 0..1 -f dec").ok();
                    assert_eq!(states, "0 1\n1 2\n", "{kind}: {input:?}");
                }
            }
        }
    }
    // Lists and scripts.
    tool.run("-s s load .. 0").ok();
    tool.run_with("-s s load -", b"\xEF\xBB\xBF0 1\r1 2\r").ok();
    let states = tool.run_with("-s s read - -f dec", b"0 # the first\r1\r");
    assert_eq!(states.ok(), "0 1\n1 2\n");
    let script = b"\xEF\xBB\xBFload 0 5 # five\rread 0\r";
    assert_eq!(
        tool.run_with("-s s run", script).ok(),
        "read 0 = 0x0000000000000005\n"
    );
}

#[test]
fn what_cannot_be_used_is_refused() {
    let tool = tool();
    for (kind, line, said) in [
        ("csv", "load,1,\"2", "<stdin>:2: the quotes of"),
        ("csv", "\"load,1,2", "<stdin>:2: "),
        ("csv", "load,4294967296,1", "addr `4294967296` is too large"),
        (
            "json",
            "{\"op\":\"load\",\"addr\":-1,\"value\":1}",
            "addr `-1` is negative",
        ),
        (
            "json",
            "{\"op\":\"load\",\"addr\":1,\"value\":18446744073709551616}",
            "value `18446744073709551616` is too large",
        ),
        (
            "text",
            "load 1 2 load 2 3",
            "<stdin>:2: expected `load ADDR VALUE`",
        ),
    ] {
        let first = match kind {
            "csv" => "load,0,1",
            "json" => r#"{"op":"load","addr":0,"value":1}"#,
            _ => "load 0 1",
        };
        let input = format!("{first}\n{line}\n{first}\n");
        let ran = tool.run_with(&format!("-s s batch -i {kind}"), input.as_bytes());
        ran.failed(2, &[said, "hint: nothing was done"]);
    }
    assert_eq!(tool.run("-s s dump --nonzero").ok().lines().count(), 1);
    // A refusal of the driver names its line, too.
    let ran = tool.run_with("-s s batch", b"# a\nswap 0 1\nload 64 1\n");
    ran.failed(1, &["<stdin>:3: address 64 is outside table 1"]);
}

/// The summary is printed where the states can't be.
#[test]
fn states_that_cannot_be_printed() {
    let tool = tool();
    let ran = tool.shell("printf 'accum 0 1\nread 0\n' | atomikctl -s s batch >/dev/full");
    ran.failed(
        1,
        &[
            "can't write the output",
            "the first 2 operations before it were done",
        ],
    );
    assert_eq!(tool.run("-s s read 0 -f dec").ok(), "1\n");
}

#[test]
fn inputs_without_end() {
    let tool = tool();
    for words in [
        "batch",
        "batch --input json",
        "batch --input csv",
        "run",
        "load -",
        "read -",
    ] {
        let ran = tool.shell(&format!(
            "ulimit -v 1000000; atomikctl -s s {words} </dev/zero"
        ));
        ran.failed(2, &["<stdin>:1: the line is longer than 1048576 bytes"]);
    }
    for (line, words) in [("0 1", "load -"), ("0", "read -"), ("read 0", "run")] {
        let line = format!("{line} #{}", "x".repeat(1000));
        let ran = tool.shell(&format!(
            "ulimit -v 1000000; yes '{line}' | atomikctl -s s {words}"
        ));
        ran.failed(2, &["the input is longer than 16777216 bytes"]);
    }
    tool.shell("yes | atomikctl run")
        .failed(2, &["too many mistakes"]);
}

/// Each batch is one ioctl, and each operation counts once.
#[test]
fn what_the_driver_counts() {
    let tool = tool();
    let device = atomik::session::Sessions::at(tool.directory().join("atomik"))
        .and_then(|sessions| sessions.connect(&"s".parse()?))
        .unwrap()
        .into_device();
    let ops = || fdinfo::read(&device.as_fd()).ops;
    let before = ops();
    tool.run_with("-s s batch -q", b"load 0 1\naccum 0 1\nread 0\n")
        .ok();
    assert_eq!(ops() - before, 3);
}
