// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the README shows of `atomikctl` is what it prints: its console blocks are run, one after
//! another, in one shell.

use atomik_test_support::tool::{Tool, finish};

const README: &str = include_str!("../../README.md");

/// Between the outputs of two commands.
const MARK: &str = "\u{1}";

/// The commands of the console blocks, each with what it is said to print.
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

/// Whether a line is as expected, where `[..]` stands for anything.
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
    let commands = console(README);
    assert!(commands.len() > 10, "{} commands", commands.len());
    let tool = Tool::new();
    let mut script = String::from("exec 2>&1\n");
    for (command, _) in &commands {
        script += &format!("{command}\nprintf '{MARK}'\n");
    }
    let mut shell = tool.command("/bin/sh");
    shell.args(["-c", &script]);
    let printed = finish(shell, b"").stdout;
    let outputs: Vec<&str> = printed.split(MARK).collect();
    assert_eq!(outputs.len(), commands.len() + 1, "{printed}");
    for ((command, expected), output) in commands.iter().zip(outputs) {
        let same = output.lines().count() == expected.lines().count()
            && output
                .lines()
                .zip(expected.lines())
                .all(|(a, b)| fits(a, b));
        assert!(same, "$ {command}\nprints\n{output}and not\n{expected}");
    }
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
