// SPDX-License-Identifier: MIT OR Apache-2.0

//! The vectors in the process, with each compiler and with the sanitizers; and that a vector that is changed fails.

use crate::{
    compile::{BUILDS, program},
    units::SANITIZED,
};
use atomik_sdk_c::{Place, Script};
use serde_json::Value as Json;
use std::{path::Path, process::Command};

/// What there is of each file in the process: the cases that run, those that don't, and the steps that can't be said
/// in C.
const COUNTS: &[(&str, [usize; 3])] = &[
    ("context", [0, 0, 0]),
    ("table", [0, 0, 0]),
    ("batch", [0, 0, 0]),
    ("stream", [0, 0, 0]),
    ("message", [0, 0, 0]),
    ("fingerprint", [0, 0, 0]),
    ("ordered_fingerprint", [0, 0, 0]),
    ("errors", [0, 0, 0]),
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
            assert_eq!([script.ran, script.skipped, script.unsayable], *counts, "{name}");
        }
    }
}

#[test]
fn each_compiler() {
    for build in BUILDS {
        let runner = build.link(&["-O2"], &[&program("runner.c")]);
        for (name, text) in atomik_vectors::FILES {
            for place in [Place::Allocated, Place::Given] {
                check(&runner, text, place).unwrap_or_else(|error| panic!("{build:?} {place:?} {name}: {error}"));
            }
        }
        std::fs::remove_file(runner).unwrap();
    }
}

#[test]
fn the_sanitizers_find_nothing() {
    for build in BUILDS {
        let runner = build.link(SANITIZED, &[&program("runner.c")]);
        for (name, text) in atomik_vectors::FILES {
            for place in [Place::Allocated, Place::Given] {
                check(&runner, text, place).unwrap_or_else(|error| panic!("{build:?} {place:?} {name}: {error}"));
            }
        }
        std::fs::remove_file(runner).unwrap();
    }
}

#[test]
fn for_32_bits() {
    let runner = BUILDS[0].link(&["-O2", "-m32"], &[&program("runner.c")]);
    for (name, text) in atomik_vectors::FILES {
        check(&runner, text, Place::Allocated).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    std::fs::remove_file(runner).unwrap();
}

/// Another value, of those that a vector may have.
fn changed(json: &Json) -> Json {
    match json {
        Json::String(text) => {
            let last = if text.ends_with('1') { '2' } else { '1' };
            let mut text = text.clone();
            text.pop();
            text.push(last);
            text.into()
        }
        Json::Bool(truth) => (!truth).into(),
        Json::Number(number) => (number.as_u64().unwrap() ^ 1).into(),
        Json::Array(items) => {
            let mut items = items.clone();
            match items.pop() {
                Some(last) => items.push(changed(&last)),
                None => items.push(serde_json::json!([0, "0x1"])),
            }
            items.into()
        }
        other => panic!("{other} is not expected anywhere"),
    }
}

/// The fields of an object that say what must come out.
fn expectations(step: &Json) -> Vec<&'static str> {
    let names: &[&str] = if step["op"] == "words" {
        &["reference", "accumulator", "is_clean", "value", "delta", "changed"]
    } else {
        &["expect"]
    };
    names.iter().copied().filter(|name| step.get(name).is_some()).collect()
}

/// The pointers to all that must come out, in a file.
fn all_expectations(file: &Json) -> Vec<String> {
    let mut pointers = vec![];
    for (i, case) in file["cases"].as_array().unwrap().iter().enumerate() {
        for (j, step) in case["steps"].as_array().into_iter().flatten().enumerate() {
            let at = format!("/cases/{i}/steps/{j}");
            pointers.extend(expectations(step).iter().map(|name| format!("{at}/{name}")));
            for (k, entry) in step["entries"].as_array().into_iter().flatten().enumerate() {
                pointers.extend(expectations(entry).iter().map(|name| format!("{at}/entries/{k}/{name}")));
            }
        }
    }
    pointers
}

/// Each expectation of each vector that runs, changed alone, is found to be wrong.
#[test]
fn a_changed_expectation_fails() {
    let runner = BUILDS[0].link(&["-O2"], &[&program("runner.c")]);
    for (name, text) in atomik_vectors::FILES {
        let file: Json = serde_json::from_str(text).unwrap();
        let right = Script::new(text, Place::Allocated).unwrap();
        let answers = right.play(Command::new(&runner), Place::Allocated).unwrap();
        right.compare(&answers).unwrap();
        let mut noticed = 0;
        for pointer in all_expectations(&file) {
            let case: String = pointer.split('/').take(3).collect::<Vec<_>>().join("/");
            // By itself, so that a file of many cases isn't read again for each.
            let alone = serde_json::json!({
                "format": 1, "kind": file["kind"], "about": "", "cases": [file.pointer(&case)],
            });
            let before = Script::new(&alone.to_string(), Place::Allocated).unwrap();
            if before.ran == 0 {
                continue;
            }
            let begins = right.exchanges.iter().position(|exchange| *exchange == before.exchanges[0]).unwrap();
            let answers = &answers[begins..begins + before.exchanges.len()];
            before.compare(answers).unwrap();
            let mut alone = alone;
            let place = pointer.replacen(&case, "/cases/0", 1);
            let value = alone.pointer_mut(&place).unwrap();
            *value = changed(value);
            // It says the same, so that it needn't be run again.
            let after = Script::new(&alone.to_string(), Place::Allocated).unwrap();
            let lines = |script: &Script| script.exchanges.iter().map(|e| e.line.clone()).collect::<Vec<_>>();
            assert_eq!(lines(&after), lines(&before));
            after.compare(answers).expect_err(&pointer);
            noticed += 1;
        }
        let has_some = !matches!(name, "stream" | "message" | "errors");
        assert_eq!(noticed > 0, has_some, "{name}");
        println!("{name}: {noticed} changes noticed");
    }
    std::fs::remove_file(runner).unwrap();
}

/// So is something else handed in, or an error expected or not expected.
#[test]
fn a_changed_vector_of_each_kind_fails() {
    let runner = BUILDS[0].link(&["-O2"], &[&program("runner.c")]);
    for (name, from, to) in atomik_sdk_c::CHANGES {
        let (_, text) = atomik_vectors::FILES.iter().find(|(file, _)| file == name).unwrap();
        assert!(text.contains(from), "{name} {from}");
        let text = text.replacen(from, to, 1);
        let said = check(&runner, &text, Place::Allocated).expect_err(&format!("{name}: {from}"));
        println!("{name}: {said}");
    }
    std::fs::remove_file(runner).unwrap();
}

/// What the vectors' README doesn't have is refused, not passed over.
#[test]
fn unknown_things_are_refused() {
    let file = |kind: &str, case: &str| format!(r#"{{"format": 1, "kind": "{kind}", "about": "", "cases": [{case}]}}"#);
    let step = |step: &str| format!(r#"{{"name": "n", "width": 64, "contexts": 1, "steps": [{step}]}}"#);
    for (text, because) in [
        (file("context", "").replace("1", "2"), "format"),
        (file("contexts", ""), "kind"),
        (file("context", "").replace("about", "abuot"), "field"),
        (file("context", r#"{"name": "n", "width": 64, "steps": [], "more": 1}"#), "field"),
        (file("context", r#"{"name": "n", "steps": []}"#), "width"),
        (file("context", &step(r#"{"op": "toggle"}"#)), "op"),
        (file("context", &step(r#"{"op": "read", "expect": "0x0", "error": "address"}"#)), "field"),
        (file("context", &step(r#"{"op": "read", "expect": "0"}"#)), "a value"),
        (file("context", &step(r#"{"op": "read", "expect": 0}"#)), "a value"),
        (file("table", &step(r#"{"op": "read", "addr": 0}"#)), "a state"),
        (file("table", &step(r#"{"op": "read", "addr": 1, "error": "weather"}"#)), "an error"),
        (file("table", &step(r#"{"op": "accum_many", "addrs": [0], "deltas": []}"#)), "lengths"),
        (file("batch", &step(r#"{"op": "batch", "entries": [{"op": "read", "addr": 0}]}"#)), "a state"),
        (file("fingerprint", &step(r#"{"op": "load", "data": "abc", "expect": "0x0"}"#)), "bytes"),
        (file("ordered_fingerprint", &step(r#"{"op": "accumulate_delta", "old": "", "new": ""}"#)), "offset"),
    ] {
        assert!(Script::new(&text, Place::Allocated).is_err(), "{because}: {text}");
    }
    let good = file("context", r#"{"name": "n", "width": 64, "steps": [{"op": "read", "expect": "0x0"}]}"#);
    assert_eq!(Script::new(&good, Place::Allocated).unwrap().exchanges.len(), 2);
}
