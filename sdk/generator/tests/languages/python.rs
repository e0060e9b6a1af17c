// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packages of Python.

use super::{directory, schemas, succeeds, test};
use atomik_sdk_generator::output::write;
use atomik_sdk_generator::{Language, generate};

#[test]
fn vectors() {
    let directory = directory("python-tests");
    write(&directory, &generate(&schemas(), &[Language::Python]), true).unwrap();
    test(Language::Python, &directory).unwrap_or_else(|text| panic!("{text}"));
    succeeds(&directory.join("python"), &["mypy", "--strict", "src"]);
}
