// SPDX-License-Identifier: MIT OR Apache-2.0

//! The vectors in the process, with each compiler and with the sanitizers; and that a vector that is changed fails.

use crate::{
    compile::{BUILDS, Build, program},
    units::{SANITIZED, sanitized},
};
use atomik_sdk_c::{Place, Script};
use std::{path::Path, process::Command};

/// What there is of each file in the process: the cases that run, those that don't, and the steps that can't be said
/// in C.
const COUNTS: &[(&str, [usize; 3])] = &[
    ("context", [13, 6, 0]),
    ("table", [13, 6, 18]),
    ("batch", [13, 0, 0]),
    ("stream", [0, 25, 0]),
    ("message", [0, 50, 0]),
    ("fingerprint", [11, 4, 0]),
    ("ordered_fingerprint", [4, 0, 1]),
    ("errors", [19, 14, 0]),
];

/// What is wrong, if anything, when this program runs this file.
fn check(runner: &Path, text: &str, place: Place) -> Result<(), String> {
    let script = Script::new(text, place)?;
    let answers = script.play(Command::new(runner), place)?;
    script.compare(&answers)
}

#[test]
fn each_file_is_counted() {
    assert_eq!(COUNTS.len(), atomik_vectors::FILES.len());
    for ((name, text), (counted, counts)) in atomik_vectors::FILES.iter().zip(COUNTS) {
        assert_eq!(name, counted);
        for place in [Place::Allocated, Place::Given] {
            let script = Script::new(text, place).unwrap();
            assert_eq!(
                [script.ran, script.skipped, script.unsayable],
                *counts,
                "{name}"
            );
        }
    }
}

/// Every file is right with a program that is built so.
fn check_all(build: Build, options: &[&str], places: &[Place]) {
    let runner = build.link(options, &[&program("runner.c")]);
    for (name, text) in atomik_vectors::FILES {
        for &place in places {
            check(&runner, text, place)
                .unwrap_or_else(|error| panic!("{build:?} {place:?} {name}: {error}"));
        }
    }
    std::fs::remove_file(runner).unwrap();
}

#[test]
fn each_compiler() {
    for build in BUILDS {
        check_all(*build, &["-O2"], &[Place::Allocated, Place::Given]);
    }
}

#[test]
fn the_sanitizers_find_nothing() {
    for build in sanitized() {
        check_all(build, SANITIZED, &[Place::Allocated, Place::Given]);
    }
}

#[test]
fn for_32_bits() {
    check_all(BUILDS[0], &["-O2", "-m32"], &[Place::Allocated]);
}

/// Each expectation of each vector that runs, changed alone, is found to be wrong.
#[test]
fn each_changed_expectation_fails() {
    let place = Place::Allocated;
    let runner = BUILDS[0].link(&["-O2"], &[&program("runner.c")]);
    for ((name, text), (_, [ran, ..])) in atomik_vectors::FILES.into_iter().zip(COUNTS) {
        let mut noticed = 0;
        // What the right case answers; the wrong ones say the same lines.
        let mut last = (String::new(), vec![], vec![]);
        for wrong in atomik_sdk_c::wrong(text, place).unwrap() {
            let right = wrong.right();
            if last.0 != right {
                let script = Script::new(&right, place).unwrap();
                let answers = script.play(Command::new(&runner), place).unwrap();
                script.compare(&answers).unwrap();
                last = (right, lines(&script), answers);
            }
            match Script::new(&wrong.text(), place) {
                // Some can't even be said, and some that should be possible can't be in C: they are counted.
                Err(_) => {}
                Ok(script) if script.ran == 0 => {}
                Ok(script) => {
                    assert_eq!(lines(&script), last.1, "{}", wrong.what);
                    script.compare(&last.2).expect_err(&wrong.what);
                }
            }
            noticed += 1;
        }
        assert!(noticed >= *ran, "{name}: {noticed}");
        println!("{name}: {noticed} changes noticed");
    }
    std::fs::remove_file(runner).unwrap();
}

fn lines(script: &Script) -> Vec<String> {
    script
        .exchanges
        .iter()
        .map(|exchange| exchange.line.clone())
        .collect()
}

/// So is a vector that hands in something else, where that matters for what comes out: many do, in each kind.
#[test]
fn changed_operands_fail() {
    let runner = BUILDS[0].link(&["-O2"], &[&program("runner.c")]);
    for (name, text) in atomik_vectors::FILES {
        let mut results = [0, 0];
        for (i, line) in text.lines().enumerate() {
            for field in ["value", "delta", "new_reference", "data", "new", "old"] {
                let field = format!("\"{field}\": \"");
                let words = line.contains("\"words\"");
                let Some(begin) = line.find(&field).filter(|_| !words) else {
                    continue;
                };
                let Some(length) = line[begin + field.len()..]
                    .find('"')
                    .filter(|&length| length > 0)
                else {
                    continue;
                };
                // The last digit, so that it counts in any width.
                let at = begin + field.len() + length - 1;
                let digit = if &line[at..=at] == "0" { "1" } else { "0" };
                let mut changed: Vec<&str> = text.lines().collect();
                let line = format!("{}{digit}{}", &line[..at], &line[at + 1..]);
                changed[i] = &line;
                let changed = case_of(&changed, i);
                if Script::new(&changed, Place::Allocated).is_ok_and(|script| script.ran == 0) {
                    continue;
                }
                results[usize::from(check(&runner, &changed, Place::Allocated).is_err())] += 1;
            }
        }
        let [passed, failed] = results;
        println!("{name}: of {} changes, {failed} noticed", passed + failed);
        let has_some = !matches!(name, "stream" | "message" | "errors");
        assert_eq!(failed > 0, has_some, "{name}");
        assert!(
            failed >= passed / 3,
            "{name}: {failed} of {}",
            passed + failed
        );
    }
    std::fs::remove_file(runner).unwrap();
}

/// A file of the case alone that a line belongs to: a case begins with its name, and ends with a bracket.
fn case_of(lines: &[&str], line: usize) -> String {
    let begin = (0..=line)
        .rev()
        .find(|&i| lines[i].starts_with("  {\"name\""))
        .unwrap();
    let end = (line..lines.len())
        .find(|&i| lines[i].starts_with("  ]}"))
        .unwrap_or(begin);
    let case = lines[begin..=end].join("\n");
    format!("{}\n{}\n]}}", lines[0], case.trim_end_matches(','))
}

/// What the vectors' README doesn't have is refused, not passed over.
#[test]
fn unknown_things_are_refused() {
    let file = |kind: &str, case: &str| {
        format!(r#"{{"format": 1, "kind": "{kind}", "about": "", "cases": [{case}]}}"#)
    };
    let step =
        |step: &str| format!(r#"{{"name": "n", "width": 64, "contexts": 1, "steps": [{step}]}}"#);
    for (text, because) in [
        (file("context", "").replace("1", "2"), "format"),
        (file("contexts", ""), "kind"),
        (file("context", "").replace("about", "abuot"), "field"),
        (
            file(
                "context",
                r#"{"name": "n", "width": 64, "steps": [], "more": 1}"#,
            ),
            "field",
        ),
        (file("context", r#"{"name": "n", "steps": []}"#), "width"),
        (file("context", &step(r#"{"op": "toggle"}"#)), "op"),
        (
            file(
                "context",
                &step(r#"{"op": "read", "expect": "0x0", "error": "address"}"#),
            ),
            "field",
        ),
        (
            file("context", &step(r#"{"op": "read", "expect": "0"}"#)),
            "a value",
        ),
        (
            file("context", &step(r#"{"op": "read", "expect": 0}"#)),
            "a value",
        ),
        (
            file("table", &step(r#"{"op": "read", "addr": 0}"#)),
            "a state",
        ),
        (
            file(
                "table",
                &step(r#"{"op": "read", "addr": 1, "error": "weather"}"#),
            ),
            "an error",
        ),
        (
            file(
                "table",
                &step(r#"{"op": "accum_many", "addrs": [0], "deltas": []}"#),
            ),
            "lengths",
        ),
        (
            file(
                "batch",
                &step(r#"{"op": "batch", "entries": [{"op": "read", "addr": 0}]}"#),
            ),
            "a state",
        ),
        (
            file(
                "fingerprint",
                &step(r#"{"op": "load", "data": "abc", "expect": "0x0"}"#),
            ),
            "bytes",
        ),
        (
            file(
                "ordered_fingerprint",
                &step(r#"{"op": "accumulate_delta", "old": "", "new": ""}"#),
            ),
            "offset",
        ),
    ] {
        assert!(
            Script::new(&text, Place::Allocated).is_err(),
            "{because}: {text}"
        );
    }
    let good = file(
        "context",
        r#"{"name": "n", "width": 64, "steps": [{"op": "read", "expect": "0x0"}]}"#,
    );
    assert_eq!(
        Script::new(&good, Place::Allocated)
            .unwrap()
            .exchanges
            .len(),
        2
    );
}
