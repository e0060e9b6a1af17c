// SPDX-License-Identifier: MIT OR Apache-2.0

//! The documents' commands print what the documents show: the console blocks of each are run, one
//! after another, in one shell. Their Rust, and the program of the manual page, run too.

use atomik_test_support::{
    program::Program,
    tool::{Tool, finish},
};
use std::error::Error;

const DOCUMENTS: [(&str, &str); 2] = [
    ("README.md", include_str!("../../README.md")),
    ("docs/guide.md", include_str!("../../docs/guide.md")),
];

/// The Rust blocks of the documents, by name.
#[expect(clippy::type_complexity, reason = "it is said once")]
const RUST: &[(&str, fn() -> Result<(), Box<dyn Error>>)] =
    &include!(concat!(env!("OUT_DIR"), "/documents.rs"));

const MANUAL_EXAMPLE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/manual-example"));

/// Separates the outputs of two commands.
const MARK: &str = "\u{1}";

/// Returns the commands of the console blocks, each with its output as shown.
fn console(text: &str) -> Vec<(String, String)> {
    let mut commands: Vec<(String, String)> = vec![];
    let mut inside = false;
    for line in text.lines() {
        match (inside, line) {
            (false, "```console") => inside = true,
            (true, "```") => inside = false,
            (true, line) => match (line.strip_prefix("$ "), commands.last_mut()) {
                (Some(command), _) => commands.push((command.into(), String::new())),
                (None, Some((_, output))) => {
                    output.push_str(line);
                    output.push('\n');
                }
                (None, None) => panic!("a console block begins with a command"),
            },
            (false, _) => {}
        }
    }
    commands
}

/// Returns whether a line is as expected, where `[..]` stands for anything.
fn fits(line: &str, expected: &str) -> bool {
    let mut parts = expected.split("[..]");
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<_> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[test]
fn the_console_blocks_are_real() {
    for (name, text) in DOCUMENTS {
        let commands = console(text);
        assert!(commands.len() > 4, "{} commands in {name}", commands.len());
        let tool = Tool::new();
        let mut script = String::from("exec 2>&1\n");
        for (command, _) in &commands {
            script += &format!("{command}\nprintf '{MARK}'\n");
        }
        let mut shell = tool.command("/bin/sh");
        shell.args(["-c", &script]);
        let printed = finish(shell, b"").stdout;
        let outputs: Vec<&str> = printed.split(MARK).collect();
        assert_eq!(outputs.len(), commands.len() + 1, "{name}: {printed}");
        for ((command, expected), output) in commands.iter().zip(outputs) {
            let same = output.lines().count() == expected.lines().count()
                && output
                    .lines()
                    .zip(expected.lines())
                    .all(|(a, b)| fits(a, b));
            assert!(
                same,
                "{name}:\n$ {command}\nprints\n{output}and not\n{expected}"
            );
        }
    }
}

#[test]
fn the_rust_blocks_hold() {
    let in_guide = RUST.iter().filter(|(name, _)| name.contains("guide"));
    assert!(in_guide.count() > 2 && RUST.iter().any(|(name, _)| name.contains("README")));
    for (name, block) in RUST {
        if let Err(error) = block() {
            panic!("{name}: {error}");
        }
    }
}

#[test]
fn the_manual_pages_example_holds() {
    Program::new("manual-example", MANUAL_EXAMPLE).output();
}

#[test]
fn blocks_and_wildcards() {
    let text = "text\n```console\n$ a\n1\n2\n$ b\n```\n$ c\n```console\n$ d\n```\n";
    let expected = [("a", "1\n2\n"), ("b", ""), ("d", "")];
    let expected = expected.map(|(command, output)| (command.to_owned(), output.to_owned()));
    assert_eq!(console(text), expected);
    for (line, expected) in [
        ("abc", "abc"),
        ("abc", "a[..]"),
        ("abc", "[..]b[..]"),
        ("a", "a[..]"),
    ] {
        assert!(fits(line, expected), "{line} {expected}");
    }
    for (line, expected) in [
        ("abc", "ab"),
        ("abc", "b[..]"),
        ("abc", "a[..]x[..]c"),
        ("ab", "a[..]bb"),
    ] {
        assert!(!fits(line, expected), "{line} {expected}");
    }
}
