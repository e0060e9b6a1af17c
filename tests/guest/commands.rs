// SPDX-License-Identifier: MIT OR Apache-2.0

//! The commands on tables.

use atomik::{Fingerprint, OrderedFingerprint};
use atomik_test_support::tool::{Ran, Tool};
use serde_json::{Value, json};
use std::fs;

/// A session `s` with a table of this many contexts.
fn tool(contexts: u32) -> Tool {
    let tool = Tool::with_session();
    tool.run(&format!("-s s create {contexts}")).ok();
    tool
}

fn json_lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn create_list_destroy() {
    let tool = tool(16);
    assert_eq!(tool.run("-s s create 0x100").ok(), "table 2\n");
    let created = json_lines(&tool.run("-s s --json create 1").ok());
    assert_eq!(created, [json!({"table": 3, "contexts": 1})]);
    let expected = "table  contexts\n1      16\n2      256\n3      1\n";
    assert_eq!(tool.run("-s s list").ok(), expected);
    let rows = json_lines(&tool.run("-s s list --json").ok());
    assert_eq!(rows[1], json!({"table": 2, "contexts": 256}));

    tool.run("-s s read 0")
        .failed(1, &["has the tables 1, 2, 3", "choose one with -t ID"]);
    tool.run("-s s destroy 3 9").failed(1, &["no table 9"]);
    assert_eq!(tool.run("-s s list").ok(), expected);
    assert_eq!(tool.run("-s s destroy 3 1 3").ok(), "");
    assert_eq!(tool.run("-s s destroy").ok(), "");
    tool.run("-s s destroy").failed(
        1,
        &["this open file has no table yet", "atomikctl create N"],
    );
    tool.run("-s s destroy 9").failed(
        1,
        &[
            "no table 9 in this open file",
            "hint: `atomikctl list` shows",
        ],
    );
    tool.run("-s s create 0")
        .failed(1, &["can't have 0 contexts"]);
    tool.run("-s s create x").failed(2, &["not a whole number"]);
    tool.run("-s s create 4294967296")
        .failed(2, &["4294967295 is the most"]);
}

#[test]
fn a_table_by_its_id() {
    let tool = tool(4);
    tool.run("-s s create 4").ok();
    tool.run("-s s -t 2 load 1 5").ok();
    assert_eq!(tool.run("-s s read 1 -t 2 -f dec").ok(), "5\n");
    assert_eq!(tool.run("-s s read -t 1 1 -f dec").ok(), "0\n");
    tool.run("-s s read -t 3 1").failed(1, &["no table 3"]);
}

#[test]
fn many_at_once() {
    let tool = tool(16);
    assert_eq!(tool.run("-s s load 0..15 0 3 0b101 4 1_000").ok(), "");
    let expected = "2 0\n3 5\n4 1000\n9 0\n";
    assert_eq!(tool.run("-s s read 2..4 9 -f dec").ok(), expected);
    assert_eq!(tool.run("-s s accum 14.. 0xf 3 1").ok(), "");
    assert_eq!(
        tool.run("-s s read 3 13.. -f dec").ok(),
        "3 4\n13 0\n14 15\n15 15\n"
    );
    // The same deltas again undo it.
    assert_eq!(tool.run("-s s rollback 14.. 0xf 3 1").ok(), "");
    assert_eq!(
        tool.run("-s s read .. -f dec").ok().matches(" 0\n").count(),
        14
    );
    assert_eq!(
        tool.run("-s s read 3 -f bin").ok(),
        format!("0b{:064b}\n", 5)
    );
}

#[test]
fn all_or_nothing() {
    let tool = tool(16);
    for words in [
        "load 3 1 16 1",
        "load 3 1 0..16 1",
        "accum 3 1 99 1",
        "set 3 1 99 1",
        "swap 3 16 --to 9",
    ] {
        tool.run(&format!("-s s {words}"))
            .failed(1, &["is outside table 1", "hint: "]);
    }
    assert_eq!(tool.run("-s s dump --nonzero").ok().lines().count(), 1);
    for words in [
        "load 1",
        "load 1 2 3",
        "load x 1",
        "load 1 x",
        "read",
        "read 3..1",
        "load -5 1",
        "set 1",
        "cas 1 2",
        "cas 0..1 2 3",
        "cas 1 x 3",
    ] {
        assert_eq!(tool.run(&format!("-s s {words}")).status, 2, "{words}");
    }
}

#[test]
fn pairs_from_standard_input() {
    let tool = tool(16);
    let input = b"0 1\n# nothing\n1..3 0xff # three\n";
    assert_eq!(tool.run_with("-s s load -", input).ok(), "");
    assert_eq!(
        tool.run("-s s read 0..3 -f dec").ok(),
        "0 1\n1 255\n2 255\n3 255\n"
    );
    assert_eq!(tool.run_with("-s s accum -", b"3 1\n").ok(), "");
    assert_eq!(tool.run("-s s read 3 -f dec").ok(), "254\n");
    assert_eq!(tool.run_with("-s s set -", b"2..3 9\n").ok(), "");
    assert_eq!(tool.run("-s s read 2..3 -f dec").ok(), "2 9\n3 9\n");
    let wrong = tool.run_with("-s s load -", b"0 7\n1\n");
    wrong.failed(2, &["<stdin>:2: expected an address and a value"]);
    assert_eq!(tool.run("-s s read 0 -f dec").ok(), "1\n");
}

#[test]
fn addresses_from_standard_input() {
    let tool = tool(16);
    tool.run("-s s load 3 5 4 6").ok();
    let input = b"3 # three\n\n4..5 3\n";
    let read = tool.run_with("-s s read - -f dec", input).ok();
    assert_eq!(read, "3 5\n4 6\n5 0\n3 5\n");
    // One line in, one line of the same form out.
    assert_eq!(tool.run_with("-s s read - -f dec", b"4").ok(), "4 6\n");
    assert_eq!(tool.run_with("-s s read -", b"").ok(), "");
    assert_eq!(
        tool.run_with("-s s swap - --to 9 -f dec", input).ok(),
        "3 5\n4 6\n5 0\n3 9\n"
    );
    let wrong = tool.run_with("-s s read -", b"3\nx\n");
    wrong.failed(2, &["<stdin>:2: address `x`: not a whole number"]);
    // Ranges of a few words can name more contexts than memory has room for.
    let input = "..\n".repeat(20_000);
    let tool = self::tool(65536);
    let ran = tool.run_with("-s s read -", input.as_bytes());
    ran.failed(2, &["more than 1048576 contexts", "atomikctl batch"]);
}

#[test]
fn more_than_a_batch_has() {
    let tool = tool(65536);
    let (_, said) = tool.run("-s s load .. 7").said();
    assert!(said.contains("65536 operations go in 16 batches"), "{said}");
    assert_eq!(tool.run("-s s read 65535 -f dec").ok(), "7\n");
    let (printed, said) = tool.run("-s s read ..4096 -f dec").said();
    assert!(said.contains("4097 operations go in 2 batches"), "{said}");
    assert_eq!(printed.lines().count(), 4097);
    assert!(printed.ends_with("4096 7\n"));
    // Exactly one batch is one.
    assert_eq!(tool.run("-s s read ..4095").ok().lines().count(), 4096);
    // Addresses out of range are found before anything is done.
    let input = (0..5000).fold(String::new(), |input, n| input + &format!("{n} 1\n"));
    let ran = tool.run_with("-s s accum -", (input + "65536 1\n").as_bytes());
    ran.failed(1, &["address 65536 is outside table 1"]);
    assert_eq!(tool.run("-s s read 0 -f dec").ok(), "7\n");
}

#[test]
fn swap_starts_epochs() {
    let tool = tool(4);
    tool.run("-s s load 0 10").ok();
    tool.run("-s s accum 0 1").ok();
    assert_eq!(tool.run("-s s swap 0 -f dec").ok(), "11\n");
    let row = || json_lines(&tool.run("-s s dump 0 --json").ok()).remove(0);
    assert_eq!(
        (&row()["reference"], &row()["accumulator"]),
        (&11.into(), &0.into())
    );
    assert_eq!(tool.run("-s s swap 0..1 --to 5 -f dec").ok(), "0 11\n1 0\n");
    assert_eq!(
        tool.run("-s s swap 0 --to 0 -f dec").ok(),
        "0 5\n".replace("0 5", "5")
    );
    assert_eq!(row()["value"], 0);
}

/// The words of the context 0: reference, state.
fn words(tool: &Tool) -> (u64, u64) {
    let row = json_lines(&tool.run("-s s dump 0 --json").ok()).remove(0);
    let word = |name: &str| row[name].as_u64().unwrap();
    (word("reference"), word("value"))
}

#[test]
fn set_keeps_references() {
    let tool = tool(16);
    tool.run("-s s load 0..3 10").ok();
    assert_eq!(tool.run("-s s set 0 5 2..3 0b11").ok(), "");
    assert_eq!(
        tool.run("-s s read ..3 -f dec").ok(),
        "0 5\n1 10\n2 3\n3 3\n"
    );
    assert_eq!(words(&tool), (10, 5));
    assert_eq!(tool.run("-s s set 0 0").ok(), "");
    assert_eq!(words(&tool), (10, 0));
}

#[test]
fn cas_exchanges_the_expected_state_only() {
    let tool = tool(4);
    tool.run("-s s load 0 10").ok();
    assert_eq!(tool.run("-s s cas 0 10 11 -f dec").ok(), "10\n");
    assert_eq!(words(&tool), (10, 11));
    // The state that was found, and a status that tells.
    let ran = tool.run("-s s cas 0 10 12");
    let expected = Ran {
        status: 4,
        stdout: "0x000000000000000b\n".into(),
        stderr: String::new(),
    };
    assert_eq!(ran, expected);
    assert_eq!(words(&tool), (10, 11));

    let row = |value: u64, exchanged: bool| {
        let hex = format!("{value:#018x}");
        json!({
            "op": "cas", "table": 1, "addr": 0, "value": value, "hex": hex, "exchanged": exchanged,
        })
    };
    let ran = tool.run("-s s --json cas 0 0xffffffffffffffff 1");
    assert_eq!((ran.status, ran.stderr.as_str()), (4, ""));
    assert_eq!(json_lines(&ran.stdout), [row(11, false)]);
    let printed = tool.run("-s s --json cas 0 11 0xffffffffffffffff").ok();
    assert_eq!(json_lines(&printed), [row(11, true)]);
    let printed = tool.run("-s s --json cas 0 0xffffffffffffffff 1").ok();
    assert_eq!(json_lines(&printed), [row(u64::MAX, true)]);

    // A script goes on from what it was told.
    let script = "old=0; until found=$(atomikctl -s s cas 0 $old 7); do old=$found; done";
    assert_eq!(tool.shell(script).ok(), "");
    assert_eq!(words(&tool), (10, 7));
    tool.run("-s s cas 4 0 1")
        .failed(1, &["address 4 is outside table 1"]);
    tool.run("-s s -t 9 cas 0 0 1").failed(1, &["no table 9"]);
}

#[test]
fn json_of_states_is_exact() {
    let tool = tool(4);
    tool.run("-s s load 2 0xffffffffffffffff").ok();
    let rows = json_lines(&tool.run("-s s --json read 1..2").ok());
    let expected = json!({
        "op": "read", "table": 1, "addr": 2, "value": u64::MAX, "hex": "0xffffffffffffffff",
    });
    assert_eq!(rows[1], expected);
    assert_eq!(json_lines(&tool.run("-s s read 2 --json").ok()), [expected]);
}

#[test]
fn dump_shows_both_words() {
    let tool = tool(4);
    tool.run("-s s load 2 0xff00").ok();
    tool.run("-s s accum 2 0xff").ok();
    let expected = "addr   reference           accumulator         state\n\
        2      0x000000000000ff00  0x00000000000000ff  0x000000000000ffff\n";
    assert_eq!(tool.run("-s s dump --nonzero").ok(), expected);
    assert_eq!(tool.run("-s s dump").ok().lines().count(), 5);
    assert_eq!(tool.run("-s s dump 2").ok(), expected);
    assert_eq!(tool.run("-s s dump --changed").ok(), expected);
    tool.run("-s s dump 4").failed(1, &[""]);

    // Several ranges, in the order in which they were named, under one header or none.
    let addresses = |words: &str| -> Vec<String> {
        let output = tool.run(&format!("-s s dump --no-header {words}")).ok();
        let addr = |line: &str| line.split(' ').next().unwrap().to_string();
        output.lines().map(addr).collect()
    };
    assert_eq!(addresses("3 0..1 3"), ["3", "0", "1", "3"]);
    assert_eq!(addresses("2.. --nonzero"), ["2"]);
    assert_eq!(tool.run("-s s dump 3 0..1").ok().lines().count(), 4);
    let piped = tool.run_with("-s s dump --no-header -", b"1 # one\n2..\n");
    assert_eq!(piped.ok().lines().count(), 3);
    assert_eq!(tool.run_with("-s s dump -", b"").ok(), "");
    tool.run("-s s dump 0 2..4").failed(1, &[""]);

    tool.run("-s s swap ..").ok();
    assert_eq!(addresses("--changed"), [] as [&str; 0]);
    assert_eq!(addresses("--nonzero"), ["2"]);
}

#[test]
fn json_of_both_words_is_exact() {
    let tool = tool(1);
    tool.run("-s s load 0 -2").ok();
    tool.run("-s s accum 0 -1").ok();
    let expected = json!({
        "addr": 0,
        "reference": u64::MAX - 1, "reference_hex": "0xfffffffffffffffe",
        "accumulator": u64::MAX, "accumulator_hex": "0xffffffffffffffff",
        "value": 1, "hex": "0x0000000000000001",
    });
    assert_eq!(json_lines(&tool.run("-s s --json dump").ok()), [expected]);
}

#[test]
fn negative_numbers_are_two_s_complements() {
    let tool = tool(4);
    let state = |addr: u32| tool.run(&format!("-s s read {addr}")).ok();
    tool.run("-s s load 0 -1 1 -9223372036854775808").ok();
    assert_eq!(state(0), "0xffffffffffffffff\n");
    assert_eq!(state(1), "0x8000000000000000\n");
    tool.run("-s s set 2 -2 -t 1").ok();
    tool.run("-s s cas 2 -2 -3").ok();
    assert_eq!(tool.run("-s s wait 2 -3").ok(), "0xfffffffffffffffd\n");
    tool.run("-s s swap 2 --to -4").ok();
    assert_eq!(state(2), "0xfffffffffffffffc\n");
    tool.run_with("-s s accum -", b"2 -1\n").ok();
    assert_eq!(state(2), "0x0000000000000003\n");
    tool.run_with("-s s batch --quiet", b"load 3 -1\n").ok();
    assert_eq!(state(3), "0xffffffffffffffff\n");
    tool.run("-s s load 0 -9223372036854775809")
        .failed(2, &["too small: -9223372036854775808 is the least"]);
    tool.run("-s s load -- -1 0").failed(2, &["negative"]);
}

#[test]
fn fingerprints_of_files() {
    let tool = tool(4);
    let write = |name: &str, bytes: &[u8]| fs::write(tool.directory().join(name), bytes).unwrap();
    write("a", b"\x01\0\0\0\0\0\0\0\x02");
    write("b", b"chunk 1.chunk 2.");
    let of = |data: &[u8]| Fingerprint::of(64, data).unwrap().to_u64().unwrap();
    let b = of(b"chunk 1.chunk 2.");
    let expected = format!("0x0000000000000003  a\n{b:#018x}  b\n");
    assert_eq!(tool.run("fingerprint a b").ok(), expected);
    let ordered = OrderedFingerprint::of(b"chunk 1.chunk 2.");
    let printed = tool.run_with("fingerprint --ordered -", b"chunk 1.chunk 2.");
    assert_eq!(printed.ok(), format!("{ordered:#018x}  -\n"));
    let expected = json!({"file": "a", "value": 3, "hex": "0x0000000000000003"});
    assert_eq!(
        json_lines(&tool.run("--json fingerprint a").ok()),
        [expected]
    );

    // Which files have changed since the epoch began.
    assert_eq!(tool.run("-s s fingerprint a b --into 2").ok(), "");
    tool.run("-s s swap ..").ok();
    write("b", b"chunk 1.chunk 3.");
    tool.run("-s s fingerprint a b --into 2").ok();
    let changed = tool.run("-s s dump --changed --no-header").ok();
    let changed: Vec<_> = changed.split_whitespace().collect();
    let now = of(b"chunk 1.chunk 3.");
    let words = [b, b ^ now, now].map(|word| format!("{word:#018x}"));
    assert_eq!(changed, ["3", &words[0], &words[1], &words[2]]);

    // Nothing is set where a file can't be read, or there is no context for it.
    tool.run("-s s fingerprint b none --into 0")
        .failed(2, &["none: can't read it"]);
    tool.run("-s s fingerprint b a --into 3")
        .failed(1, &["address 4"]);
    assert_eq!(tool.run("-s s dump --nonzero 0..1 --no-header").ok(), "");
    tool.run("-s s fingerprint a").failed(2, &["--into"]);
}

#[test]
fn an_id_after_a_destroyed_table_is_explained() {
    let tool = tool(4);
    tool.run("-s s destroy 1").ok();
    assert_eq!(tool.run("-s s create 4").ok(), "table 257\n");
    let help = tool.run("create --help").ok();
    assert!(help.contains("257"), "{help}");
    tool.run("-s s read 0 -t 1")
        .failed(1, &["no table 1", "`atomikctl list`"]);
}

#[test]
fn bench_measures_every_operation() {
    let tool = Tool::new();
    let rows = json_lines(&tool.run("--json bench --time 10").ok());
    let names: Vec<_> = rows
        .iter()
        .map(|row| row["operation"].as_str().unwrap())
        .collect();
    let expected = [
        "load",
        "accum",
        "read",
        "swap",
        "batch/accum",
        "batch/read",
        "snapshot",
    ];
    assert_eq!(names, expected);
    assert!(
        rows.iter()
            .all(|row| row["nanoseconds"].as_f64().unwrap() > 0.0)
    );
    assert_eq!(tool.run("bench --time 10").ok().lines().count(), 8);
}

#[test]
fn help_manuals_and_completions() {
    let tool = Tool::new();
    let help = tool.run("--help").ok();
    for name in [
        "create",
        "destroy",
        "list",
        "load",
        "accum",
        "rollback",
        "set",
        "cas",
        "read",
        "swap",
        "batch",
        "run",
        "dump",
        "snapshot",
        "restore",
        "diff",
        "fingerprint",
        "watch",
        "wait",
        "top",
        "session",
        "replicate",
        "info",
        "doctor",
        "bench",
        "completions",
        "man",
    ] {
        assert!(help.contains(name), "{name} in {help}");
        if name != "rollback" {
            let page = tool.run(&format!("man {name}")).ok();
            assert!(
                page.contains(&format!(".TH atomikctl-{name} 1")),
                "{name}: {page}"
            );
        }
    }
    assert!(help.contains("  4    a condition doesn't hold"), "{help}");
    for name in ["start", "list", "stop", "exec", "hold"] {
        let page = tool.run(&format!("man session {name}")).ok();
        assert!(
            page.contains(&format!(".TH atomikctl-session-{name} 1")),
            "{page}"
        );
    }
    for shell in ["bash", "zsh", "fish"] {
        let script = tool.run(&format!("completions {shell}")).ok();
        assert!(
            script.contains("snapshot") && script.contains("session"),
            "{shell}"
        );
    }
}
