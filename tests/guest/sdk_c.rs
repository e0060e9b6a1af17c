// SPDX-License-Identifier: MIT OR Apache-2.0

//! The C header on the device: the vectors, by the same program as in the process; its tests; and
//! its examples with one line changed.

use atomik_sdk_c::{Place, Script, wrong};
use atomik_test_support::program::Program;
use atomik_tests::{SDK_C_DEVICE, SDK_C_HELLO, SDK_C_README, SDK_C_RUNNER, SDK_C_UNITS};
use std::{collections::BTreeSet, process::Command};

/// Counts of each file on the device: the cases that run, those that don't, and the steps that
/// can't be said in C.
const COUNTS: &[(&str, [usize; 3])] = &[
    ("context", [3, 16, 0]),
    ("table", [3, 16, 3]),
    ("batch", [3, 10, 0]),
    ("stream", [0, 25, 0]),
    ("message", [0, 50, 0]),
    ("fingerprint", [11, 4, 0]),
    ("ordered_fingerprint", [4, 0, 1]),
    ("errors", [15, 18, 0]),
];

#[test]
fn the_vectors_in_c() {
    let runner = Program::new("sdk-c-runner", SDK_C_RUNNER);
    let place = Place::Device;
    assert_eq!(COUNTS.len(), atomik_vectors::FILES.len());
    for ((name, text), (counted, counts)) in atomik_vectors::FILES.into_iter().zip(COUNTS) {
        assert_eq!(name, *counted);
        let script = Script::new(text, place).unwrap();
        assert_eq!(
            [script.ran, script.skipped, script.unsayable],
            *counts,
            "{name}"
        );
        let answers = script.play(Command::new(runner.path()), place);
        let result = answers.and_then(|answers| script.compare(&answers));
        result.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn changed_vectors_fail_in_c() {
    let runner = Program::new("sdk-c-runner", SDK_C_RUNNER);
    let place = Place::Device;
    let mut noticed = BTreeSet::new();
    for (name, text) in atomik_vectors::FILES {
        let all = wrong(text, place).unwrap();
        // Some of each kind, as the guest is emulated. The host tries all of them.
        for wrong in all.iter().step_by(all.len() / 20 + 1) {
            // Some can't be said, or are none for the device, by which they are noticed.
            let Ok(script) = Script::new(&wrong.text(), place) else {
                continue;
            };
            if script.ran > 0 {
                let answers = script.play(Command::new(runner.path()), place).unwrap();
                script.compare(&answers).expect_err(&wrong.what);
                noticed.insert(name);
            }
        }
    }
    let noticed: Vec<_> = noticed.into_iter().collect();
    assert_eq!(
        noticed,
        [
            "batch",
            "context",
            "errors",
            "fingerprint",
            "ordered_fingerprint",
            "table"
        ]
    );
}

#[test]
fn the_units_in_c() {
    assert_eq!(Program::new("sdk-c-units", SDK_C_UNITS).output(), "ok\n");
}

#[test]
fn what_is_special_about_the_device() {
    assert_eq!(Program::new("sdk-c-device", SDK_C_DEVICE).output(), "ok\n");
}

#[test]
fn the_examples_with_one_line_changed() {
    const README: &str = include_str!("../../sdk/c/README.md");
    let (_, prints) = README.split_once("```text\n").unwrap();
    let (prints, _) = prints.split_once("```").unwrap();
    assert_eq!(Program::new("sdk-c-hello", SDK_C_HELLO).output(), prints);
    // The project's README checks itself.
    assert_eq!(Program::new("sdk-c-readme", SDK_C_README).output(), "");
}
