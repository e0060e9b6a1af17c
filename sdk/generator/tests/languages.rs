// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packages of the languages: made, compiled, and held to the vectors by their own tests.

mod cases;

use std::path::{Path, PathBuf};
use std::process::Command;

use atomik_sdk_generator::output::write;
use atomik_sdk_generator::vectors::{Step, Vectors};
use atomik_sdk_generator::{Language, Schema, Source, check, generate, generate_with};

/// Schemas of all widths, types, encodings and compressions, and with hostile descriptions.
fn schemas() -> Vec<Schema> {
    let mut texts = vec![cases::BASE.to_string(), cases::MINIMAL.to_string()];
    let hostile = [
        "*/ #error \\\" \\n \\\" \\\"\\\"\\\" ''' ``` \\\\ \\u2028 --> {{}} %s ${x} `x` // /* ",
        "\\\"\\\"\\\"",
        "\\\\",
        "    let x = 1;",
        "\\n```\\nthis is no Rust\\n```\\n# x",
        "*/*/",
        "??/",
    ];
    for (number, hostile) in hostile.iter().enumerate() {
        texts.push(
            cases::MINIMAL
                .replace("IMUFusion", &format!("Hostile{number}"))
                .replace("\"0.1.0\"", &format!(
                    "\"0.1.{number}\", \"description\": \"{hostile}\", \"author\": \"{hostile}\"")),
        );
    }
    let types = ["delta_stream", "bitmask_delta", "parameter_delta"];
    let encodings = ["raw", "rle", "spatiotemporal_4x4x4"];
    let compressions = ["none", "xor", "rle"];
    for (number, kind) in types.iter().enumerate() {
        let mut fields = Vec::new();
        for width in [8, 16, 32, 64, 128, 256] {
            for (at, encoding) in encodings.iter().enumerate() {
                if at == 2 && width < 64 {
                    continue;
                }
                let compression = compressions[(at + width / 64) % 3];
                fields.push(format!(
                    r#""f{width}_{at}": {{"type": "{kind}", "width": {width},
                    "encoding": "{encoding}",
                    "compression": "{compression}", "default_value": {}}}"#,
                    at * 100
                ));
            }
        }
        texts.push(format!(
            r#"{{"catalogue": {{"vertical": "Science", "field": "AllWidths",
            "object": "All{number}", "version": "{number}.200.0-rc.1"}},
            "schema": {{"delta_fields": {{{}}},
            "operations": {{"accumulate": {{"enabled": true}}, "reconstruct": {{"enabled": {}}},
            "rollback": {{"enabled": true, "history_depth": 5}}}}}}}}"#,
            fields.join(","),
            number != 1,
        ));
    }
    // Names that libraries have, for objects and fields.
    for name in [
        "Object", "Field", "Option", "String", "Vec", "Some", "Ok", "Result", "Mapping",
    ] {
        texts.push(
            cases::MINIMAL
                .replace("IMUFusion", name)
                .replace("\"Imu\"", "\"Names\"")
                .replace(
                    "\"state\": {",
                    "\"expected\": {\"type\": \"bitmask_delta\", \"width\": 8},\n\"states\": {",
                ),
        );
    }
    let sources: Vec<_> = texts
        .iter()
        .enumerate()
        .map(|(n, text)| Source::new(n.to_string(), text.as_str()))
        .collect();
    check(&sources).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn directory(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn run(directory: &Path, command: &[&str]) -> Result<String, String> {
    let output = Command::new(command[0])
        .args(&command[1..])
        .current_dir(directory)
        // The package's own, not this one's.
        .env_remove("CARGO_TARGET_DIR")
        .env_remove("RUSTFLAGS")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", command[0]));
    let text =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    if output.status.success() {
        Ok(text.concat())
    } else {
        Err(text.concat())
    }
}

fn succeeds(directory: &Path, command: &[&str]) {
    run(directory, command).unwrap_or_else(|text| panic!("{command:?}\n{text}"));
}

const TESTS: [(Language, &[&str]); 3] = [
    (
        Language::Python,
        &[
            "python3", "-W", "error", "-m", "unittest", "discover", "-s", "tests",
        ],
    ),
    (
        Language::C,
        &["make", "--silent", "--keep-going", "-j2", "test"],
    ),
    (Language::Rust, &["cargo", "test", "--offline", "--quiet"]),
];

fn test(language: Language, directory: &Path) -> Result<String, String> {
    let (_, command) = TESTS.iter().find(|(one, _)| *one == language).unwrap();
    let directory = directory.join(language.name());
    let mut command = command.to_vec();
    if language == Language::Python {
        command.splice(0..0, ["env", "PYTHONPATH=src"]);
    }
    run(&directory, &command)
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let schemas = schemas();
    let files = generate(&schemas, &Language::ALL);
    assert_eq!(files, generate(&schemas, &Language::ALL));
    let turned: Vec<_> = schemas.into_iter().rev().collect();
    assert_eq!(files, generate(&turned, &Language::ALL));
    for (path, text) in &files {
        assert!(
            !text.contains(" \n") && !text.contains("\n\n\n\n"),
            "{path}"
        );
    }
}

#[test]
fn python() {
    let directory = directory("python-tests");
    write(&directory, &generate(&schemas(), &[Language::Python]), true).unwrap();
    test(Language::Python, &directory).unwrap_or_else(|text| panic!("{text}"));
    succeeds(&directory.join("python"), &["mypy", "--strict", "src"]);
}

#[test]
fn rust() {
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

#[test]
fn docs() {
    let schemas = check(&[Source::new("a", cases::BASE)]).unwrap();
    let files = generate(&schemas, &[Language::Docs]);
    let page = &files["docs/Video.Stream.H264Delta.md"];
    for part in [
        "# Video.Stream.H264Delta\n\nMacroblocks of a stream\n\nVersion 1.2.0.\n",
        "      2    0..63  gain[0..63]\n",
        "| `gain` | parameter_delta | 256 | 2 to 5 | raw | rle | 0x0 |\n",
        "- `load_flags`, `accum_flags`, `swap_flags`, `read_flags`, `set_flags_bit`, ",
        "- `rollback`, of the last 65536 accums\n",
        "| Time of an update | at most 0.5 ms |\n",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
}

#[test]
fn c() {
    let directory = directory("c-tests");
    write(&directory, &generate(&schemas(), &[Language::C]), true).unwrap();
    test(Language::C, &directory).unwrap_or_else(|text| panic!("{text}"));
    let directory = directory.join("c");
    let schemas = schemas();
    let includes = schemas
        .iter()
        .map(|schema| format!("#include <{}>\n", schema.places().c_header))
        .collect::<Vec<_>>()
        .concat();
    std::fs::write(directory.join("all.c"), format!("{includes}int all;\n")).unwrap();
    let warnings = [
        "-Wall",
        "-Wextra",
        "-Wpedantic",
        "-Wconversion",
        "-Wshadow",
        "-Werror",
    ];
    for compiler in [
        &["gcc", "-std=c99"][..],
        &["clang", "-std=c99", "-Wno-unused-function"],
        &["g++", "-x", "c++", "-std=c++17", "-Wuseless-cast"],
        &["clang++", "-x", "c++", "-std=c++17", "-Wno-unused-function"],
    ] {
        let rest = ["-Iinclude", "-fsyntax-only", "all.c"];
        succeeds(&directory, &[compiler, &warnings, &rest].concat());
    }
}

/// Vectors with one expectation spoilt fail in every language.
#[test]
fn spoilt_vectors() {
    let schemas = check(&[Source::new("a", cases::BASE)]).unwrap();
    for (language, _) in TESTS {
        let directory = directory(&format!("spoilt-{}", language.name()));
        let mut vectors = vec![Vectors::of(&schemas[0])];
        let step = vectors[0].cases[2]
            .steps
            .iter_mut()
            .find_map(|step| match step {
                Step::Read { expect, .. } => Some(expect),
                _ => None,
            });
        step.unwrap().0 ^= num_bigint::BigUint::from(1u8);
        write(
            &directory,
            &generate_with(&schemas, &vectors, &[language]),
            true,
        )
        .unwrap();
        assert!(test(language, &directory).is_err(), "{}", language.name());
    }
}
