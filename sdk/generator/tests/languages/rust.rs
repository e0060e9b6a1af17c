// SPDX-License-Identifier: MIT OR Apache-2.0
//! Crates.

use super::{cases, directory, schemas, succeeds};
use atomik_sdk_generator::output::write;
use atomik_sdk_generator::{Language, Options, Schema, Source, check, generate};

const CLIPPY: &[&str] = &["cargo", "clippy", "--offline", "--quiet", "--all-targets"];

fn crate_of(name: &str, schemas: &[Schema], device: bool) -> std::path::PathBuf {
    let directory = directory(name);
    let options = Options {
        languages: vec![Language::Rust],
        atomik_crate: device
            .then(|| concat!(env!("CARGO_MANIFEST_DIR"), "/../../userspace-tool/lib").into()),
    };
    write(&directory, &generate(schemas, options), true).unwrap();
    directory.join("rust")
}

/// In the process, and in a table.
#[test]
fn vectors() {
    let directory = crate_of("rust-tests", &schemas(), true);
    // What vectors can't say: others at the same time.
    std::fs::write(
        directory.join("tests/table.rs"),
        include_str!("rust/table.rs"),
    )
    .unwrap();
    succeeds(&directory, &["cargo", "fmt", "--check"]);
    let device = [
        "cargo",
        "test",
        "--offline",
        "--quiet",
        "--features",
        "device",
    ];
    succeeds(&directory, &device);
    for features in [&[][..], &["--features", "device"]] {
        let command = [CLIPPY, features, &["--", "-D", "warnings"]].concat();
        succeeds(&directory, &command);
    }
}

/// Code of which an object needs a part only, names as long as they may be, and names of one
/// letter.
#[test]
fn one_field() {
    let types = ["delta_stream", "bitmask_delta", "parameter_delta"];
    for (number, kind) in types.into_iter().enumerate() {
        let mut sources = vec![];
        for length in [1, 30, 40, 50, 55, 57, 58, 63, 64] {
            let object = "T".repeat(length);
            let text = cases::MINIMAL
                .replace("IMUFusion", &object)
                .replace("\"Imu\"", &format!("\"Of{length}\""))
                .replace("parameter_delta", kind)
                .replace("\"state\"", &format!("\"{}\"", "f".repeat(length)));
            sources.push(Source::new(length.to_string(), text));
        }
        let schemas = check(&sources).unwrap_or_else(|problems| panic!("{problems:#?}"));
        let all = crate_of(&format!("rust-names-{number}"), &schemas, true);
        succeeds(&all, &["cargo", "fmt", "--check"]);
        let one = crate_of(&format!("rust-one-{number}"), &schemas[..1], false);
        succeeds(&one, &[CLIPPY, &["--", "-D", "warnings"]].concat());
    }
}
