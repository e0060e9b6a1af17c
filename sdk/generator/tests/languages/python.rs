// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packages of Python.

use std::path::Path;

use super::{cases, directory, schemas, succeeds, test};
use atomik_sdk_generator::output::write;
use atomik_sdk_generator::{Language, Source, check, generate};

/// Types, mistakes, and layout.
fn is_clean(directory: &Path) {
    for command in [
        &["mypy", "--strict", "src", "tests"][..],
        &["ruff", "check", "--no-cache"],
        &["ruff", "format", "--no-cache", "--check", "--diff"],
    ] {
        succeeds(directory, command);
    }
}

#[test]
fn vectors() {
    let directory = directory("python-tests");
    write(&directory, &generate(&schemas(), &[Language::Python]), true).unwrap();
    test(Language::Python, &directory).unwrap_or_else(|text| panic!("{text}"));
    is_clean(&directory.join("python"));
}

/// Names of one letter, and as long as they may be.
#[test]
fn names() {
    let types = ["delta_stream", "bitmask_delta", "parameter_delta"];
    for (number, kind) in types.into_iter().enumerate() {
        let sources = [1, 30, 40, 50, 57, 61, 64].map(|length| {
            let text = cases::MINIMAL
                .replace("IMUFusion", &"T".repeat(length))
                .replace("\"Imu\"", &format!("\"I{}\"", "x".repeat(length - 1)))
                .replace("parameter_delta", kind)
                .replace(
                    "\"width\": 32",
                    r#""width": 256, "encoding": "spatiotemporal_4x4x4""#,
                )
                .replace("\"state\"", &format!("\"{}\"", "f".repeat(length)));
            Source::new(length.to_string(), text)
        });
        let schemas = check(&sources).unwrap_or_else(|problems| panic!("{problems:#?}"));
        let directory = directory(&format!("python-names-{number}"));
        write(&directory, &generate(&schemas, &[Language::Python]), true).unwrap();
        is_clean(&directory.join("python"));
    }
}

/// A wheel, which needs nothing from anywhere and is installed beside ours.
#[test]
fn wheel() {
    let directory = directory("python-wheel");
    let schemas = check(&[Source::new("a", cases::BASE)]).unwrap();
    write(&directory, &generate(&schemas, &[Language::Python]), true).unwrap();
    let directory = directory.join("python");
    let installed = directory.join("installed");
    if installed.exists() {
        std::fs::remove_dir_all(&installed).unwrap();
    }
    let installed = installed.to_str().unwrap();
    succeeds(
        &directory,
        &[
            "python3",
            "-m",
            "pip",
            "install",
            "--quiet",
            "--root-user-action=ignore",
            "--no-index",
            "--no-deps",
            "--no-build-isolation",
            "--no-compile",
            "--target",
            installed,
            ".",
        ],
    );
    assert!(Path::new(installed).join("atomik/py.typed").exists());
    // As users of it see it: its types are known.
    let program =
        "from atomik.Video.Stream import H264Delta\n\nstate: int = H264Delta().swap_gain()\n";
    std::fs::write(directory.join("user.py"), program).unwrap();
    for command in [
        &["python3", "user.py"][..],
        &["mypy", "--strict", "user.py"],
    ] {
        let path = format!("PYTHONPATH={installed}");
        succeeds(&directory, &[&["env", &path], command].concat());
    }
}
