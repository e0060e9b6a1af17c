// SPDX-License-Identifier: MIT OR Apache-2.0

//! Tests of the script language as a whole.

use std::num::NonZeroU64;

use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Result<Script, Vec<SyntaxError>> {
    let text = std::io::Cursor::new(text.to_owned());
    Script::parse(&mut Lines::new("test", text))
}

fn steps(text: &str) -> Vec<(usize, Step)> {
    let script = parse(text).unwrap();
    script
        .lines
        .into_iter()
        .map(|line| (line.number, line.step))
        .collect()
}

/// Line numbers and messages.
fn errors(text: &str) -> Vec<(usize, String)> {
    let errors = parse(text).unwrap_err();
    errors.into_iter().map(|e| (e.line, e.message)).collect()
}

#[test]
fn every_operation() {
    let text = "# all of them\ncreate 0x10\n\ttable 1 # chosen\r\nload 0 0xcafe_babe\naccum 0 0b1\n\
                \nread 0\nswap 0\nswap 0 7\n\
                begin\n load 1 2\n# in between\n swap 1\nend\nset 3 4\nexpect 3 0x4\ndestroy 2\ndestroy";
    let batch = vec![
        BatchLine {
            number: 11,
            op: Op::Load { addr: 1, value: 2 },
        },
        BatchLine {
            number: 13,
            op: Op::Swap { addr: 1, new: None },
        },
    ];
    let value = 0xcafe_babe;
    let new = NonZeroU64::new(7);
    let expected = [
        (2, Step::Create { contexts: 16 }),
        (3, Step::Table { id: 1 }),
        (4, Step::Op(Op::Load { addr: 0, value })),
        (5, Step::Op(Op::Accum { addr: 0, delta: 1 })),
        (7, Step::Op(Op::Read { addr: 0 })),
        (8, Step::Op(Op::Swap { addr: 0, new: None })),
        (9, Step::Op(Op::Swap { addr: 0, new })),
        (10, Step::Batch(batch)),
        (15, Step::Op(Op::Set { addr: 3, value: 4 })),
        (16, Step::Op(Op::Expect { addr: 3, value: 4 })),
        (17, Step::Destroy { id: Some(2) }),
        (18, Step::Destroy { id: None }),
    ];
    assert_eq!(steps(text), expected);
}

#[test]
fn nothing_is_a_script_too() {
    assert_eq!(steps(""), []);
    assert_eq!(steps("\n  # only a comment\n\n"), []);
}

#[test]
fn every_wrong_line_is_told() {
    let found = errors(
        "load 1\nread 0\nlaod 1 2\nread -1\naccum 4294967296 0\n\
         load 0 0x1_0000_0000_0000_0000\nend\nswap 3 0",
    );
    let expected = [
        (1, "expected `load ADDR VALUE`, found `load 1`"),
        (
            3,
            "expected create, table, destroy, begin, end, load, accum, set, read, swap or expect, \
             found `laod`",
        ),
        (4, "ADDR `-1` is negative, and 0 is the least"),
        (5, "ADDR `4294967296` is too large: 4294967295 is the most"),
        (
            6,
            "VALUE `0x1_0000_0000_0000_0000` is too large: 18446744073709551615 is the most",
        ),
        (7, "`end` without `begin`"),
        (
            8,
            "NEW can't be 0; `swap 3` keeps the state, `load 3 0` clears it",
        ),
    ];
    let found: Vec<_> = found
        .iter()
        .map(|(line, text)| (*line, text.as_str()))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn batches_are_checked() {
    let found = errors("begin\nend\nbegin\ncreate 1\nbegin\nswap 0 5\nread x\nend\nbegin\nread 0");
    let lines: Vec<_> = found.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [2, 4, 5, 6, 7, 9]);
    assert_eq!(found[0].1, "the batch is empty");
    assert!(
        found[1]
            .1
            .starts_with("expected load, accum, set, read, swap or expect, or end")
    );
    assert!(found[3].1.ends_with("write `swap 0` and `load 0 0x5`"));
    assert_eq!(found[5].1, "this `begin` has no `end`");
}

#[test]
fn batches_end_at_4096() {
    let batch = |n| format!("begin\n{}end\n", "read 0\n".repeat(n));
    assert_eq!(steps(&batch(4096)).len(), 1);
    let message = "the batch has 4097 operations, and 4096 is the most".into();
    assert_eq!(errors(&batch(4097)), [(4099, message)]);
}

#[test]
fn no_line_is_part_of_another() {
    let op = |addr| Step::Op(Op::Read { addr });
    for text in ["read 0\rread 1", "# a\rread 0\r\r# b\r\nread 1\r"] {
        let found: Vec<_> = steps(text).into_iter().map(|(_, step)| step).collect();
        assert_eq!(found, [op(0), op(1)], "{text:?}");
    }
}

#[test]
fn what_is_no_script_is_soon_told() {
    let found = errors(&"x\n".repeat(100_000));
    assert_eq!(found.len(), 21);
    assert!(found[20].1.contains("too many mistakes"), "{found:?}");
}

#[test]
fn messages_show_no_control_characters() {
    let found = errors(&format!("\x1b[31m{}", "x".repeat(500)));
    assert!(found[0].1.chars().all(|c| !c.is_control()));
    assert!(found[0].1.len() < 200);
}

fn any_op(new_references: bool) -> impl Strategy<Value = Op> {
    (0..6, any::<u32>(), any::<u64>()).prop_map(move |(kind, addr, value)| match kind {
        0 => Op::Load { addr, value },
        1 => Op::Accum { addr, delta: value },
        2 => Op::Read { addr },
        3 => Op::Set { addr, value },
        4 => Op::Expect { addr, value },
        _ => Op::Swap {
            addr,
            // Half of the swaps get one.
            new: NonZeroU64::new(value).filter(|_| new_references && value % 2 == 0),
        },
    })
}

fn any_step() -> impl Strategy<Value = Step> {
    let batch_line = any_op(false).prop_map(|op| BatchLine { number: 0, op });
    prop_oneof![
        any::<u32>().prop_map(|contexts| Step::Create { contexts }),
        any::<u32>().prop_map(|id| Step::Table { id }),
        any::<Option<u32>>().prop_map(|id| Step::Destroy { id }),
        any_op(true).prop_map(Step::Op),
        prop::collection::vec(batch_line, 1..20).prop_map(Step::Batch),
    ]
}

/// Gives the lines the numbers that they have in the script's `Display`.
fn numbered(steps: Vec<Step>) -> Script {
    let mut next = 1;
    let mut number = || {
        next += 1;
        next - 1
    };
    let lines = steps.into_iter().map(|mut step| {
        let first = number();
        if let Step::Batch(lines) = &mut step {
            lines.iter_mut().for_each(|line| line.number = number());
            number();
        }
        Line {
            number: first,
            step,
        }
    });
    Script {
        lines: lines.collect(),
    }
}

/// Lines that look like a script, so that the parser is reached beyond the first word.
const NEARLY: &str = "((create|table|destroy|load|accum|set|read|swap|expect|begin|end|#)\
    ( (0x|0b)?[0-9a-f_]{0,18}){0,3}\n){0,30}";

proptest! {
    #[test]
    fn scripts_come_back(steps in prop::collection::vec(any_step(), 0..30)) {
        let script = numbered(steps);
        prop_assert_eq!(parse(&script.to_string()), Ok(script));
    }

    #[test]
    fn no_text_panics(text: String) {
        let _ = parse(&text);
    }

    #[test]
    fn what_parses_comes_back(text in NEARLY) {
        match parse(&text) {
            Ok(script) => {
                let again = parse(&script.to_string()).unwrap();
                prop_assert_eq!(again.to_string(), script.to_string());
            }
            Err(errors) => {
                let count = text.lines().count();
                prop_assert!(errors.len() <= 21);
                prop_assert!(errors.iter().all(|e| (1..=count).contains(&e.line)));
            }
        }
    }
}
