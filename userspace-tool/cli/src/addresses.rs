// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Addresses`]: an address or a range of them, on the command line.

use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::failure::Failure;
use crate::lines::Lines;
use crate::script::number::{parse_u32, quoted};

/// `5`, `0..15` (both included), `5..`, `..15` or `..`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    first: u32,
    /// None where the range goes to the table's end.
    last: Option<u32>,
    single: bool,
}

impl FromStr for Addresses {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let number = |word: &str| parse_u32(word).map_err(|error| error.to_string());
        let Some((first, last)) = word.split_once("..") else {
            let addr = number(word)?;
            return Ok(Self {
                first: addr,
                last: Some(addr),
                single: true,
            });
        };
        let first = if first.is_empty() { 0 } else { number(first)? };
        let last = if last.is_empty() {
            None
        } else {
            Some(number(last)?)
        };
        if last.is_some_and(|last| last < first) {
            return Err("the range's end is below its start".into());
        }
        Ok(Self {
            first,
            last,
            single: false,
        })
    }
}

impl Addresses {
    /// True for one address, false for a range.
    pub fn is_single(self) -> bool {
        self.single
    }

    /// The addresses in a table of `contexts` contexts. A range without end has at least its first.
    pub fn within(self, contexts: u32) -> RangeInclusive<u32> {
        let end = contexts.saturating_sub(1).max(self.first);
        self.first..=self.last.unwrap_or(end)
    }
}

/// Parses the words of a command line; where the only one is `-`, the words of standard input.
pub fn all_named(words: &[String]) -> Result<Vec<Addresses>, Failure> {
    match words {
        [dash] if dash == "-" => from_lines(Lines::stdin()),
        words => (words.iter())
            .map(|word| named(word).map_err(|message| Failure::usage(&message)))
            .collect(),
    }
}

/// Parses a word; the error quotes it.
pub fn named(word: &str) -> Result<Addresses, String> {
    word.parse()
        .map_err(|error| format!("address {}: {error}", quoted(word)))
}

/// Parses any number of them a line; `#` starts a comment.
fn from_lines(lines: Lines) -> Result<Vec<Addresses>, Failure> {
    let mut lines = lines.whole();
    let mut found = vec![];
    loop {
        let line = lines
            .next()
            .and_then(|line| line.map(|line| in_line(&line)).transpose());
        match line.map_err(|message| lines.wrong(&message))? {
            Some(line) => found.extend(line),
            None => return Ok(found),
        }
    }
}

fn in_line(line: &str) -> Result<Vec<Addresses>, String> {
    let code = line.split('#').next().unwrap_or_default();
    code.split_whitespace().map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(word: &str) -> RangeInclusive<u32> {
        word.parse::<Addresses>().unwrap().within(16)
    }

    #[test]
    fn forms() {
        assert_eq!(within("5"), 5..=5);
        assert_eq!(within("0..15"), 0..=15);
        assert_eq!(within("0x0a..0b1111"), 10..=15);
        assert_eq!(within("3.."), 3..=15);
        assert_eq!(within("..3"), 0..=3);
        assert_eq!(within(".."), 0..=15);
        // Beyond the table: the driver refuses it.
        assert_eq!(within("20.."), 20..=20);
        assert_eq!(within("0..99"), 0..=99);
        assert!("7".parse::<Addresses>().unwrap().is_single());
        assert!(!"7..7".parse::<Addresses>().unwrap().is_single());
    }

    #[test]
    fn lines() {
        let lines = "0 # the first\n\n3.. 7\n# none\n";
        let expected = ["0", "3..", "7"].map(|word| word.parse().unwrap());
        let from_lines = |text: &'static [u8]| from_lines(Lines::new("a", text));
        assert_eq!(from_lines(lines.as_bytes()).unwrap(), expected);
        assert_eq!(from_lines(b"\xEF\xBB\xBF0 # a\r3.. 7").unwrap(), expected);
        for wrong in [&b"0\nx"[..], b"0 -", b"\xff", b"0 # \rx"] {
            assert!(from_lines(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn mistakes() {
        for word in ["", "x", "1...3", "3..1", "-1", "1-3", "4294967296", "..x"] {
            assert!(word.parse::<Addresses>().is_err(), "{word}");
        }
    }
}
