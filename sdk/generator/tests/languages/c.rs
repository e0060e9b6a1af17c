// SPDX-License-Identifier: MIT OR Apache-2.0
//! Headers of C.

use super::{directory, schemas, succeeds, test};
use atomik_sdk_generator::output::write;
use atomik_sdk_generator::{Language, generate};

#[test]
fn vectors() {
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
