// SPDX-License-Identifier: MIT OR Apache-2.0
//! Crates.

use super::{directory, schemas, succeeds, test};
use atomik_sdk_generator::output::write;
use atomik_sdk_generator::{Language, generate};

#[test]
fn vectors() {
    let directory = directory("rust-tests");
    write(&directory, &generate(&schemas(), &[Language::Rust]), true).unwrap();
    test(Language::Rust, &directory).unwrap_or_else(|text| panic!("{text}"));
    let directory = directory.join("rust");
    succeeds(&directory, &["cargo", "fmt", "--check"]);
    // The files that are the same for all schemas are as rustfmt has them.
    for file in ["src/object.rs", "src/value.rs", "src/message.rs"] {
        let config = ["--config", "disable_all_formatting=false", "--check", file];
        let command = ["rustfmt", "--edition", "2024"];
        succeeds(&directory, &[&command[..], &config].concat());
    }
    succeeds(
        &directory,
        &[
            "cargo",
            "clippy",
            "--offline",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
    );
}
