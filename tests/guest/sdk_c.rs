// SPDX-License-Identifier: MIT OR Apache-2.0

//! The C header on the device: the vectors, by the same program as in the process; its tests; and
//! its examples with one line changed.

use atomik_test_support::program::Program;
use atomik_tests::{
    SDK_C_CONDITIONS, SDK_C_CONSISTENT, SDK_C_DEVICE, SDK_C_HELLO, SDK_C_MAPPING, SDK_C_PARITY,
    SDK_C_README, SDK_C_UNITS, SDK_C_VECTORS, SDK_C_WATCH, SDK_C_WATCHING,
};
use std::process::Command;

/// The output of the program that checks the vectors. It complains of a changed expectation that
/// doesn't fail.
const HELD: &str = "\
context: 3 cases, 79 expectations, 40 of 50 operands
table: 4 cases, 595 expectations, 69 of 125 operands
batch: 5 cases, 594 expectations, 45 of 70 operands
stream: 0 cases, 0 expectations, 0 of 0 operands
state: 0 cases, 0 expectations, 0 of 0 operands
message: 0 cases, 0 expectations, 0 of 0 operands
packet: 0 cases, 0 expectations, 0 of 0 operands
fingerprint: 11 cases, 732 expectations, 250 of 250 operands
ordered_fingerprint: 4 cases, 193 expectations, 60 of 72 operands
errors: 15 cases, 12 expectations, 0 of 0 operands
";

#[test]
fn the_vectors_in_c() {
    let vectors = Program::new("sdk-c-vectors", SDK_C_VECTORS);
    let output = Command::new(vectors.path()).arg("device").output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(String::from_utf8_lossy(&output.stdout), HELD);
    assert!(output.status.success());
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
fn watches_in_c() {
    let watching = Program::new("sdk-c-watching", SDK_C_WATCHING);
    assert_eq!(watching.output(), "ok\n");
}

#[test]
fn mappings_in_c() {
    assert_eq!(
        Program::new("sdk-c-mapping", SDK_C_MAPPING).output(),
        "ok\n"
    );
}

#[test]
fn the_examples_with_one_line_changed() {
    const README: &str = include_str!("../../sdk/c/README.md");
    let mut prints = README.split("```text\n").skip(1);
    for (name, program) in [
        ("sdk-c-hello", SDK_C_HELLO),
        ("sdk-c-conditions", SDK_C_CONDITIONS),
        ("sdk-c-consistent", SDK_C_CONSISTENT),
        ("sdk-c-parity", SDK_C_PARITY),
        ("sdk-c-watch", SDK_C_WATCH),
    ] {
        let (prints, _) = prints.next().unwrap().split_once("```").unwrap();
        assert_eq!(Program::new(name, program).output(), prints);
    }
    // The project's README checks itself.
    assert_eq!(Program::new("sdk-c-readme", SDK_C_README).output(), "");
}
