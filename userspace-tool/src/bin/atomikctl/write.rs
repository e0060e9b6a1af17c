// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl load` and `atomikctl accum`.

use std::io::{self, BufRead};

use crate::Global;
use crate::addresses::Addresses;
use crate::apply::{Entry, addresses, apply};
use crate::failure::Failure;
use crate::script::number::parse_u64;

/// LOAD: give contexts a state
///
/// The reference becomes VALUE and the accumulator 0. Several pairs are one BATCH: isolated from
/// all other operations, and all or nothing, up to 4096 of them.
#[derive(clap::Args)]
pub struct LoadArgs {
    /// Pairs: an address, or a range such as 0..15 (both included), and its value; `-` reads pairs
    /// from standard input, one a line
    #[arg(value_name = "ADDR VALUE", required = true, num_args = 1..)]
    pairs: Vec<String>,
}

/// ACCUM: XOR deltas into contexts; the same delta again undoes it
///
/// Several pairs are one BATCH: isolated from all other operations, and all or nothing, up to 4096
/// of them. `rollback` is another name of it: the delta that was accumulated is its own inverse.
#[derive(clap::Args)]
pub struct AccumArgs {
    /// Pairs: an address, or a range such as 0..15 (both included), and its delta; `-` reads pairs
    /// from standard input, one a line
    #[arg(value_name = "ADDR DELTA", required = true, num_args = 1..)]
    pairs: Vec<String>,
}

impl LoadArgs {
    pub fn run(&self, global: &Global) -> Result<(), Failure> {
        write(global, &self.pairs, |addr, value| Entry::Load {
            addr,
            value,
        })
    }
}

impl AccumArgs {
    pub fn run(&self, global: &Global) -> Result<(), Failure> {
        write(global, &self.pairs, |addr, delta| Entry::Accum {
            addr,
            delta,
        })
    }
}

/// Does what `entry` makes of each address and value.
fn write(global: &Global, words: &[String], entry: fn(u32, u64) -> Entry) -> Result<(), Failure> {
    let pairs = match words {
        [dash] if dash == "-" => from_lines(io::stdin().lock())?,
        words => from_words(words).map_err(|message| Failure::usage(&message))?,
    };
    let table = global.target.table()?;
    let (named, values): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    let mut entries = vec![];
    for (range, value) in addresses(&table, &named)?.into_iter().zip(values) {
        entries.extend(range.map(|addr| entry(addr, value)));
    }
    apply(&table, &entries, |_, _| Ok(()))
}

type Pair = (Addresses, u64);

fn from_words(words: &[String]) -> Result<Vec<Pair>, String> {
    if words.len() % 2 != 0 {
        let last = words.last().map_or("", String::as_str);
        return Err(format!(
            "expected pairs of address and value, found '{last}' alone"
        ));
    }
    let pair = |pair: &[String]| match pair {
        [addr, value] => one(addr, value),
        _ => Err("expected pairs of address and value".into()),
    };
    words.chunks(2).map(pair).collect()
}

fn one(addr: &str, value: &str) -> Result<Pair, String> {
    let named = addr.parse().map_err(|error| format!("'{addr}': {error}"))?;
    let value = parse_u64(value).map_err(|error| format!("'{value}': {error}"))?;
    Ok((named, value))
}

/// One pair a line; `#` starts a comment.
fn from_lines(input: impl BufRead) -> Result<Vec<Pair>, Failure> {
    let mut pairs = vec![];
    for (number, line) in (1..).zip(input.lines()) {
        let at = |message: String| Failure::usage(&format!("<stdin>:{number}: {message}"));
        let line = line.map_err(|error| at(error.to_string()))?;
        let code = line.split('#').next().unwrap_or_default();
        let words: Vec<_> = code.split_whitespace().collect();
        match words[..] {
            [] => {}
            [addr, value] => pairs.push(one(addr, value).map_err(at)?),
            _ => return Err(at("expected an address and a value".into())),
        }
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Result<Vec<Pair>, String> {
        let words: Vec<_> = text.split_whitespace().map(String::from).collect();
        from_words(&words)
    }

    #[test]
    fn pairs() {
        let pair = |addr: &str, value| (addr.parse().unwrap(), value);
        let expected = [pair("0", 5), pair("1..3", 0xff)];
        assert_eq!(words("0 5 1..3 0xff").unwrap(), expected);
        let lines = "0 5 # five\n\n# nothing\n1..3 0xff\n";
        assert_eq!(from_lines(lines.as_bytes()).unwrap(), expected);
    }

    #[test]
    fn mistakes() {
        for text in ["0", "0 1 2", "x 1", "0 x", "0..x 1", "0 -1"] {
            assert!(words(text).is_err(), "{text}");
        }
        assert!(from_lines(&b"0 1\n2\n"[..]).is_err());
        assert!(from_lines(&b"0 \xff\n"[..]).is_err());
    }
}
