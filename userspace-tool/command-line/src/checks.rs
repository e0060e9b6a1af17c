// SPDX-License-Identifier: MIT OR Apache-2.0

//! Assertions about a command's manual pages and completions, for its own tests.

use std::io::ErrorKind;

use clap::{Command, ValueEnum};

use crate::completions::{Shell, script};
use crate::man::{DATE, LAYOUT, page};

/// All manual pages are in `files`, the text of packaging/files, and can be read in a terminal.
///
/// # Panics
///
/// Where that isn't so.
pub fn pages(command: impl Fn() -> Command, files: &str) {
    let mut built = command().disable_help_subcommand(true);
    built.build();
    let program = built.get_name().to_owned();
    let mut expected = vec![];
    names(&built, &format!("@{program}:man"), &mut expected);
    expected.sort();
    let mut installed: Vec<_> = (files.lines())
        .filter_map(|line| line.split('\t').nth(1))
        .filter(|source| source.starts_with(&format!("@{program}:man")))
        .collect();
    installed.sort_unstable();
    assert_eq!(installed, expected);
    let directory = tempfile::tempdir().expect("a directory");
    for words in expected {
        let words: Vec<_> = words.split(':').skip(2).map(String::from).collect();
        let name = [std::slice::from_ref(&program), &words].concat().join("-");
        let path = format!("/usr/local/share/man/man1/{name}.1\n");
        assert!(files.contains(&path), "{path}");
        let text = page(command(), &words).expect("a page");
        fits_80_columns(&name, std::str::from_utf8(&text).expect("ASCII"));
        let path = directory.path().join("page.1");
        std::fs::write(&path, text).expect("a file");
        // Where groff is installed, it confirms that.
        let ran = std::process::Command::new("groff")
            .args(["-man", "-ww", "-z", "-rLL=80n", "-Tutf8"])
            .arg(&path)
            .output();
        match ran {
            Ok(ran) => assert!(ran.stderr.is_empty(), "{name}: {ran:?}"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound, "{error}"),
        }
    }
}

/// The words that name each page, as install.sh's list has them.
fn names(command: &Command, words: &str, found: &mut Vec<String>) {
    found.push(words.into());
    for sub in command.get_subcommands() {
        names(sub, &format!("{words}:{}", sub.get_name()), found);
    }
}

/// Lines are short enough that man has nothing to warn of on a terminal of 80 columns.
fn fits_80_columns(name: &str, page: &str) {
    let title = page.lines().find(|line| line.starts_with(".TH "));
    let title = title.expect("a title");
    assert!(
        title.contains(DATE) && title.ends_with("\" atomik"),
        "{title}"
    );
    assert!(page.contains(LAYOUT), "{name}");
    let mut filled = true;
    for line in page.lines() {
        assert_eq!(line, line.trim_end(), "{name}");
        assert_ne!(line, "", "{name}");
        match line {
            ".nf" => filled = false,
            ".fi" => filled = true,
            _ => {}
        }
        let shown = line.replace("\\-", "-").replace("\\*(Aq", "'");
        let longest = match filled {
            true => shown.split(' ').map(|word| word.chars().count()).max(),
            false => Some(shown.chars().count()),
        };
        // An option's text is indented by 14, and its values by 10 more.
        let room = if filled { 55 } else { 73 };
        assert!(longest <= Some(room), "{name}: {line}");
    }
    assert!(filled, "{name}");
}

/// The completions for bash, zsh and fish are in `files`, and have all subcommands and options.
///
/// # Panics
///
/// Where that isn't so.
pub fn completions(command: impl Fn() -> Command, files: &str) {
    let mut built = command();
    built.build();
    let options = built.get_arguments().filter_map(|arg| arg.get_long());
    let subcommands = built.get_subcommands().map(Command::get_name);
    let words: Vec<_> = options.chain(subcommands).collect();
    for shell in Shell::value_variants() {
        if !["bash", "zsh", "fish"].contains(&shell.to_string().as_str()) {
            continue;
        }
        let script = String::from_utf8(script(command(), *shell)).expect("a script");
        for word in &words {
            assert!(script.contains(word), "{word} for {shell}");
        }
        let source = format!("@{}:completions:{shell}\t", built.get_name());
        assert!(files.contains(&source), "{shell} is not installed");
    }
}
