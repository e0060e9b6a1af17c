// SPDX-License-Identifier: MIT OR Apache-2.0

//! The words of the command line.

use std::ffi::OsString;

use crate::target;

/// Moves options before the command to its end, where the command takes or refuses them like its
/// own: `-s work read 0` becomes `read 0 -s work`.
pub fn in_order(mut words: Vec<OsString>) -> Vec<OsString> {
    let Some(command) = command(&words) else {
        return words;
    };
    let options: Vec<_> = words.drain(1..command).collect();
    let end = words.iter().take_while(|word| !ends_options(word)).count();
    words.splice(end..end, options);
    words
}

/// True where --json is among them.
pub fn json(words: &[OsString]) -> bool {
    (words.iter().take_while(|word| !ends_options(word))).any(|word| word == "--json")
}

/// True where the words that follow are another program's, or no options.
fn ends_options(word: &OsString) -> bool {
    word == "--" || word == "--exec"
}

/// The position of the command, after options that can be moved.
fn command(words: &[OsString]) -> Option<usize> {
    let mut at = 1;
    loop {
        let word = words.get(at)?.to_str()?;
        if !word.starts_with('-') {
            // `help` takes commands, not options.
            return (word != "help").then_some(at);
        }
        at += length(word)?;
    }
}

/// The number of words that an option takes, by its first word.
fn length(word: &str) -> Option<usize> {
    if word == "--json" {
        return Some(1);
    }
    target::options().iter().find_map(|option| {
        let long = option.get_long().map(|name| format!("--{name}"));
        let short = option.get_short().map(|name| format!("-{name}"));
        if [&long, &short]
            .into_iter()
            .flatten()
            .any(|name| name == word)
        {
            return Some(2);
        }
        let joined = long.is_some_and(|name| word.starts_with(&(name + "=")))
            || short.is_some_and(|name| !word.starts_with("--") && word.starts_with(&name));
        joined.then_some(1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        text.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn options_before_the_command_go_behind_it() {
        for (given, expected) in [
            ("a read 0", "a read 0"),
            ("a -s work read 0", "a read 0 -s work"),
            (
                "a --json --fd=3 -t2 read 0 -f dec",
                "a read 0 -f dec --json --fd=3 -t2",
            ),
            (
                "a --session work --table 2 dump",
                "a dump --session work --table 2",
            ),
            (
                "a --device /x session hold b",
                "a session hold b --device /x",
            ),
            (
                "a --json session exec b -- c -s d",
                "a session exec b --json -- c -s d",
            ),
            ("a -s read read 0", "a read 0 -s read"),
            (
                "a --json -s b watch 0 --exec c -s d -- e",
                "a watch 0 --json -s b --exec c -s d -- e",
            ),
        ] {
            assert_eq!(in_order(words(given)), words(expected), "{given}");
        }
    }

    #[test]
    fn what_is_no_command_stays() {
        for given in [
            "",
            "a",
            "a -s",
            "a -s work",
            "a -s work --help",
            "a --help read",
            "a -x read",
            "a -- read",
            "a - read",
            "a -s work help read",
        ] {
            assert_eq!(in_order(words(given)), words(given), "{given}");
        }
    }

    #[test]
    fn json_is_found_where_it_is_an_option() {
        assert!(json(&words("a read 0 --json")));
        assert!(!json(&words("a session exec b -- c --json")));
        assert!(!json(&words("a watch 0 --exec c --json")));
    }
}
