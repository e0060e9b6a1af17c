// SPDX-License-Identifier: MIT OR Apache-2.0
//! Headers of C.

use std::path::Path;

use super::{cases, directory, schemas, succeeds, test};
use atomik_sdk_generator::output::write;
use atomik_sdk_generator::{Language, Source, check, generate};

/// The directory of atomik_core.h.
const CORE: &str = concat!("-I", env!("CARGO_MANIFEST_DIR"), "/../c");
const WARNINGS: [&str; 6] = [
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Wconversion",
    "-Wshadow",
    "-Werror",
];
const COMPILERS: [&[&str]; 4] = [
    &["gcc", "-std=c99"],
    &["clang", "-std=c99", "-Wno-unused-function"],
    &["g++", "-x", "c++", "-std=c++17", "-Wuseless-cast"],
    &["clang++", "-x", "c++", "-std=c++17", "-Wno-unused-function"],
];

/// By each compiler and without optimization, which finds most.
fn compiles(directory: &Path, rest: &[&str]) {
    for compiler in COMPILERS {
        let command = [compiler, &WARNINGS, &["-Iinclude", CORE], rest].concat();
        succeeds(directory, &command);
    }
}

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
    // The objects need nothing but themselves, and don't mind the headers of a table.
    std::fs::write(directory.join("all.c"), format!("{includes}int all;\n")).unwrap();
    let tables = format!("#include <atomik/table.h>\n{includes}int all;\n");
    std::fs::write(directory.join("tables.c"), tables).unwrap();
    compiles(&directory, &["-fsyntax-only", "all.c"]);
    compiles(&directory, &["-fsyntax-only", "tables.c"]);
}

/// What the README shows compiles and runs; and a table does all that an object asks of it.
#[test]
fn table() {
    let directory = directory("c-table");
    let schemas = check(&[Source::new("a", cases::BASE)]).unwrap();
    write(&directory, &generate(&schemas, &[Language::C]), true).unwrap();
    let directory = directory.join("c");
    // It can be tested without a table.
    succeeds(&directory, &["make", "--silent", "test"]);
    let readme = std::fs::read_to_string(directory.join("README.md")).unwrap();
    let programs: Vec<_> = readme
        .split("```c\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .chain([include_str!("c/table.c")])
        .collect();
    assert_eq!(programs.len(), 3);
    for (number, program) in programs.iter().enumerate() {
        let [file, out] = [format!("{number}.c"), format!("./{number}.out")];
        std::fs::write(directory.join(&file), program).unwrap();
        for level in ["-O2", "-fsanitize=address,undefined"] {
            compiles(&directory, &[level, "-o", &out, &file]);
            succeeds(&directory, &[&out]);
        }
    }
}

/// As a person would write it: no line of more than 100 columns, nor space at its end.
#[test]
fn lines() {
    for (path, text) in generate(&schemas(), &[Language::C]) {
        if path.ends_with(".md") || path.ends_with("Makefile") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let mut columns = 0;
            for c in line.chars() {
                columns = if c == '\t' {
                    columns / 8 * 8 + 8
                } else {
                    columns + 1
                };
            }
            assert!(
                columns <= 100
                    && line.trim_end() == line
                    && !line.trim_start_matches('\t').starts_with("        "),
                "{path}:{}: {line}",
                number + 1
            );
        }
    }
}
