// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packages of the languages: made, compiled, and held to the vectors by their own tests.

#[path = "../cases/mod.rs"]
mod cases;

mod c;
mod circle;
mod docs;
mod javascript;
mod python;
mod random;
mod rust;
mod spoilt;
mod verilog;

use std::path::{Path, PathBuf};
use std::process::Command;

use atomik_sdk_generator::{Language, Schema, Source, check, generate};

/// Each is a module in each language, beside the packages' own.
const VERTICALS: [&str; 8] = [
    "Video", "Edge", "Network", "Finance", "Science", "Compute", "System", "Storage",
];

/// Names that the languages' libraries have, or the packages themselves.
const NAMES_OF_OBJECTS: &str = "Object Field Option String Vec Some Ok Result Mapping Default \
    Clone Debug Error BigInt Uint8Array BigUint64Array \
    Map Array Math Exception Update U256 Contexts";

/// Names that are methods of all objects, functions, macros, types or signals somewhere, or that the
/// packages have for parameters and locals.
const NAMES_OF_FIELDS: &str = "constructor to_string value_of has_own_property then prototype \
    length name undefined cls str bytes list print field fields value values expected states state \
    delta number bits steps linux unix errno stdin main index u8 usize core std clk rst reset busy \
    done valid start op addr data history reference accumulator update rollback contexts object \
    a__b b_ mask";

/// The examples, schemas of all widths, types, encodings and compressions, and with hostile
/// descriptions.
fn schemas() -> Vec<Schema> {
    let mut texts = vec![cases::BASE.to_string(), cases::MINIMAL.to_string()];
    for name in ["sensor", "terminal", "ticks", "video_block"] {
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
        texts.push(std::fs::read_to_string(examples.join(name).with_extension("json")).unwrap());
    }
    let hostile = [
        "*/ #error \\\" \\n \\\" \\\"\\\"\\\" ''' ``` \\\\ \\u2028 --> {{}} %s ${x} `x` // /* ",
        "\\\"\\\"\\\"",
        "\\\\",
        "    let x = 1;",
        "\\n```\\nthis is no Rust\\n```\\n# x",
        "*/*/",
        "??/",
        "@typedef {Nowhere} X",
        "{@link x} <!-- </script> ${0}",
    ];
    for (number, hostile) in hostile.iter().enumerate() {
        texts.push(
            cases::MINIMAL
                .replace("IMUFusion", &format!("Hostile{number}"))
                .replace("Edge", VERTICALS[number % VERTICALS.len()])
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
    // Names that libraries have, for objects.
    for name in NAMES_OF_OBJECTS.split_whitespace() {
        texts.push(
            cases::MINIMAL
                .replace("IMUFusion", name)
                .replace("\"Imu\"", "\"Names\""),
        );
    }
    // And for fields, of each type.
    let fields: Vec<_> = NAMES_OF_FIELDS
        .split_whitespace()
        .zip(types.iter().cycle())
        .map(|(name, kind)| format!(r#""{name}": {{"type": "{kind}", "width": 8}}"#))
        .collect();
    texts.push(format!(
        r#"{{"catalogue": {{"vertical": "Storage", "field": "Core", "object": "Names",
        "version": "0.1.0"}}, "schema": {{"delta_fields": {{{}}},
        "operations": {{"accumulate": {{"enabled": true}},
        "rollback": {{"enabled": true, "history_depth": 3}}}}}}}}"#,
        fields.join(",")
    ));
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

fn command(directory: &Path, command: &[&str]) -> Command {
    let mut program = Command::new(command[0]);
    program
        .args(&command[1..])
        .current_dir(directory)
        // The package's own, not this one's.
        .env_remove("CARGO_TARGET_DIR")
        .env("RUSTFLAGS", "-Dwarnings")
        .env("PYTHONDONTWRITEBYTECODE", "1");
    program
}

fn run(directory: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = command(directory, arguments)
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", arguments[0]));
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

/// Objects of C are tested in a table, too.
const C_CORE: &str = concat!("CORE=", env!("CARGO_MANIFEST_DIR"), "/../c");

/// Languages that run the vectors, and the command that does so.
const TESTS: [(Language, &[&str]); 5] = [
    (
        Language::Python,
        &[
            "python3", "-W", "error", "-m", "unittest", "discover", "-s", "tests",
        ],
    ),
    (
        Language::C,
        &["make", "--silent", "--keep-going", "-j2", "test", C_CORE],
    ),
    (Language::Rust, &["cargo", "test", "--offline", "--quiet"]),
    (Language::JavaScript, &["node", "--test"]),
    (
        Language::Verilog,
        &["make", "--silent", "--keep-going", "-j2", "test"],
    ),
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
