// SPDX-License-Identifier: MIT OR Apache-2.0

//! The vectors in the process, with each compiler and with the sanitizers: they hold, and changed
//! ones don't.

use crate::{
    compile::{BUILDS, Build, output, program, sdk},
    units::{SANITIZED, sanitized},
};
use atomik_sdk_c::Arrays;
use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

/// The program's output. It complains of a changed expectation that doesn't fail.
const HELD: &str = "\
context: 13 cases, 465 expectations, 213 of 247 operands
table: 19 cases, 3865 expectations, 424 of 681 operands
batch: 25 cases, 3671 expectations, 262 of 418 operands
stream: 0 cases, 0 expectations, 0 of 0 operands
state: 0 cases, 0 expectations, 0 of 0 operands
message: 0 cases, 0 expectations, 0 of 0 operands
packet: 0 cases, 0 expectations, 0 of 0 operands
fingerprint: 11 cases, 732 expectations, 250 of 250 operands
ordered_fingerprint: 4 cases, 193 expectations, 60 of 72 operands
errors: 19 cases, 16 expectations, 0 of 0 operands
";

static ARRAYS: LazyLock<Arrays> = LazyLock::new(|| Arrays::new().unwrap());

/// The arrays as an object, which all compilers can link.
fn arrays(bits: &str) -> PathBuf {
    let source = output("arrays.c");
    std::fs::write(&source, &ARRAYS.source).unwrap();
    let object = output("arrays.o");
    let compiler = Command::new("gcc")
        .args([bits, "-c", "-x", "c", "-I"])
        .arg(sdk())
        .arg("-I")
        .arg(program(""))
        .arg(&source)
        .arg("-o")
        .arg(&object)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&compiler.stderr);
    assert!(compiler.status.success() && said.is_empty(), "{said}");
    std::fs::remove_file(source).unwrap();
    object
}

#[test]
fn each_case_and_step_is_counted() {
    let counts = ARRAYS.files.iter().map(|file| {
        let counts = [file.cases, file.skipped, file.left_out];
        (file.name, counts)
    });
    assert_eq!(
        counts.collect::<Vec<_>>(),
        [
            ("context", [13, 6, 0]),
            ("table", [19, 9, 18]),
            ("batch", [25, 0, 0]),
            ("stream", [0, 25, 0]),
            ("state", [0, 15, 0]),
            ("message", [0, 50, 0]),
            ("packet", [0, 58, 0]),
            ("fingerprint", [11, 4, 0]),
            ("ordered_fingerprint", [4, 0, 1]),
            ("errors", [19, 14, 0]),
        ]
    );
    // C has no count of deltas, and one error for all that the vectors have.
    assert!(ARRAYS.unseen.iter().eq(["delta_count", "error"]));
}

/// Builds the program in one way, and checks its output.
fn check(build: Build, options: &[&str], arrays: &Path, storages: &[&str]) {
    // The object comes before the language is said.
    let options = [options, &[arrays.to_str().expect("text")]].concat();
    let vectors = build.link(&options, &[&program("vectors.c")]);
    for storage in storages {
        let output = Command::new(&vectors).arg(storage).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(said, "", "{build:?} {storage}");
        assert!(output.status.success(), "{build:?} {storage}");
        let held = String::from_utf8_lossy(&output.stdout);
        assert_eq!(held, HELD, "{build:?} {storage}");
    }
    std::fs::remove_file(vectors).unwrap();
}

#[test]
fn each_compiler() {
    let arrays = arrays("-m64");
    for build in BUILDS {
        check(*build, &["-O2"], &arrays, &["allocated", "given"]);
    }
    std::fs::remove_file(arrays).unwrap();
}

#[test]
fn the_sanitizers_find_nothing() {
    let arrays = arrays("-m64");
    for build in sanitized() {
        check(build, SANITIZED, &arrays, &["allocated", "given"]);
    }
    std::fs::remove_file(arrays).unwrap();
}

#[test]
fn for_32_bits() {
    let arrays = arrays("-m32");
    check(BUILDS[0], &["-O2", "-m32"], &arrays, &["allocated"]);
    std::fs::remove_file(arrays).unwrap();
}
