// SPDX-License-Identifier: MIT OR Apache-2.0

//! This project's documents: what they name is there.

use atomik_docs::{Sources, Tree, check, misquoted, wrong_calls};
use std::{collections::BTreeSet, fs, path::Path};

const HEADER: &str = include_str!("../../../uapi/atomik.h");
const MANUAL: &str = include_str!("../../../docs/atomik.4");

fn project() -> Tree {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    Tree::read(&project).expect("the project can be read")
}

#[test]
fn links_paths_and_widths() {
    let tree = project();
    let documents: Vec<_> = tree.documents().collect();
    assert!(documents.contains(&"docs/guide.md"), "{documents:?}");
    let complaints: Vec<_> = documents
        .iter()
        .flat_map(|path| check(&tree, path))
        .collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn the_readme_is_short() {
    let lines = project()
        .document("README.md")
        .expect("the README")
        .text
        .lines()
        .count();
    assert!(lines <= 120, "{lines} lines");
}

#[test]
fn the_patterns_are_those_of_the_example() {
    let directory =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../userspace-tool/examples/patterns");
    let files = fs::read_dir(directory).expect("the example can be read");
    let paths = files.map(|file| file.expect("the example can be read").path());
    let texts = paths.map(|path| {
        let text = fs::read_to_string(&path).expect("a source can be read");
        (path.display().to_string(), text)
    });
    let programs: Vec<_> = texts
        .filter(|(_, text)| text.contains("pub const PATTERN: Pattern"))
        .collect();
    assert!(programs.len() > 8, "{} patterns", programs.len());
    let tree = project();
    let document = tree.document("docs/patterns.md").expect("the patterns");
    let complaints = misquoted(&document.text, &programs);
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// The files below `directory` of the project that end so.
fn files(directory: &str, end: &str) -> Vec<String> {
    let mut found = vec![];
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut directories = vec![project.join(directory)];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).expect("a directory can be read") {
            let path = entry.expect("a directory can be read").path();
            if path.is_dir() {
                directories.push(path);
            } else if path.to_string_lossy().ends_with(end) {
                found.push(fs::read_to_string(path).expect("a source can be read"));
            }
        }
    }
    found
}

#[test]
fn the_calls_are_those_of_each_language() {
    let main = files("userspace-tool/cli/src", "main.rs").concat();
    let commands = main.split("enum Command {").nth(1).expect("the commands");
    let commands = commands.split('}').next().expect("their end");
    let variant = |line: &str| Some(line.trim().split_once('(')?.0.to_lowercase());
    let sources = Sources {
        header: HEADER.into(),
        rust: files("userspace-tool/lib/src", ".rs"),
        c: files("sdk/c", "atomik_core.h").concat(),
        python: files("sdk/python/python/atomik_core", "_native.pyi"),
        commands: commands.lines().filter_map(variant).collect(),
    };
    let tree = project();
    let document = tree.document("docs/calls.md").expect("the calls");
    let complaints = wrong_calls(&document.text, &sources);
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// Words of the header's code, not of its comments, that begin with `prefix`.
fn names(prefix: &str) -> BTreeSet<&'static str> {
    let code = HEADER
        .split("*/")
        .filter_map(|part| part.split("/*").next());
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = code.flat_map(move |code| code.split(move |c| !is_name(c)));
    words.filter(|word| word.starts_with(prefix)).collect()
}

#[test]
fn the_manual_page_has_all_of_the_interface() {
    let names: Vec<_> = ["ATOMIK_", "atomik_"].into_iter().flat_map(names).collect();
    assert!(names.len() > 30, "{names:?}");
    let missing: Vec<_> = names
        .iter()
        .filter(|name| !MANUAL.contains(**name))
        .collect();
    assert!(missing.is_empty(), "docs/atomik.4 lacks {missing:?}");
}

/// As `mandoc -T lint` wants it; requests can't be broken.
#[test]
fn the_manual_page_fits_a_terminal() {
    let text = MANUAL.lines().filter(|line| !line.starts_with('.'));
    let long: Vec<_> = text.filter(|line| line.chars().count() > 80).collect();
    assert!(long.is_empty(), "longer than 80 columns: {long:?}");
}
