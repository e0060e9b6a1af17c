// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl load`, `atomikctl accum` and `atomikctl set`.

use crate::addresses::{Addresses, named};
use crate::apply::{addresses, apply};
use crate::failure::Failure;
use crate::global::Global;
use crate::lines::Lines;
use crate::script::Op;
use crate::script::number::{named_u64, quoted};
use crate::target::OpenTable;

/// LOAD: give contexts a state
///
/// The reference becomes VALUE and the accumulator 0. Up to 4096 contexts are one BATCH: isolated
/// from all other operations, and all or nothing.
#[derive(clap::Args)]
pub struct LoadArgs {
    /// Pairs: an address, or a range such as 0..15 (both included), and its value; `-` reads pairs
    /// from standard input, one a line
    #[arg(
        value_name = "ADDR VALUE",
        required = true,
        num_args = 1..,
        allow_negative_numbers = true
    )]
    pairs: Vec<String>,
    #[command(flatten)]
    target: OpenTable,
}

/// ACCUM: XOR deltas into contexts; the same delta again undoes it
///
/// Up to 4096 contexts are one BATCH: isolated from all other operations, and all or nothing.
/// `rollback` is the same command: a delta is its own inverse.
#[derive(clap::Args)]
pub struct AccumArgs {
    /// Pairs: an address, or a range such as 0..15 (both included), and its delta; `-` reads pairs
    /// from standard input, one a line
    #[arg(
        value_name = "ADDR DELTA",
        required = true,
        num_args = 1..,
        allow_negative_numbers = true
    )]
    pairs: Vec<String>,
    #[command(flatten)]
    target: OpenTable,
}

/// SET: give contexts a state, and keep their references
///
/// That is an ACCUM of the difference, whatever the state is. Up to 4096 contexts are one BATCH:
/// isolated from all other operations, and all or nothing. `cas` sets a state only where it is the
/// expected one.
#[derive(clap::Args)]
pub struct SetArgs {
    /// Pairs: an address, or a range such as 0..15 (both included), and its value; `-` reads pairs
    /// from standard input, one a line
    #[arg(
        value_name = "ADDR VALUE",
        required = true,
        num_args = 1..,
        allow_negative_numbers = true
    )]
    pairs: Vec<String>,
    #[command(flatten)]
    target: OpenTable,
}

impl LoadArgs {
    pub fn run(&self, global: &Global) -> Result<(), Failure> {
        write(global, &self.target, &self.pairs, |addr, value| Op::Load {
            addr,
            value,
        })
    }
}

impl AccumArgs {
    pub fn run(&self, global: &Global) -> Result<(), Failure> {
        write(global, &self.target, &self.pairs, |addr, delta| Op::Accum {
            addr,
            delta,
        })
    }
}

impl SetArgs {
    pub fn run(&self, global: &Global) -> Result<(), Failure> {
        write(global, &self.target, &self.pairs, |addr, value| Op::Set {
            addr,
            value,
        })
    }
}

/// Runs the operations that `op` makes of each address and value.
fn write(
    global: &Global,
    target: &OpenTable,
    words: &[String],
    op: fn(u32, u64) -> Op,
) -> Result<(), Failure> {
    let pairs = match words {
        [dash] if dash == "-" => from_lines(Lines::stdin())?,
        words => from_words(words).map_err(|message| Failure::usage(&message))?,
    };
    let table = target.open()?;
    let (named, values): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    let mut ops = vec![];
    for (range, value) in addresses(&table, &named)?.into_iter().zip(values) {
        ops.extend(range.map(|addr| op(addr, value)));
    }
    apply(global, &table, &ops, |_, _| Ok(()))
}

type Pair = (Addresses, u64);

fn from_words(words: &[String]) -> Result<Vec<Pair>, String> {
    if words.len() % 2 != 0 {
        let last = words.last().map_or("", String::as_str);
        return Err(format!(
            "expected pairs of address and value, found {} alone",
            quoted(last)
        ));
    }
    let pair = |pair: &[String]| match pair {
        [addr, value] => one(addr, value),
        _ => Err("expected pairs of address and value".into()),
    };
    words.chunks(2).map(pair).collect()
}

fn one(addr: &str, value: &str) -> Result<Pair, String> {
    Ok((named(addr)?, named_u64("the value", value)?))
}

/// Parses one pair a line; `#` starts a comment.
fn from_lines(lines: Lines) -> Result<Vec<Pair>, Failure> {
    let mut lines = lines.whole();
    let mut pairs = vec![];
    loop {
        let pair = lines
            .next()
            .and_then(|line| line.map(|line| in_line(&line)).transpose());
        match pair.map_err(|message| lines.wrong(&message))? {
            Some(pair) => pairs.extend(pair),
            None => return Ok(pairs),
        }
    }
}

fn in_line(line: &str) -> Result<Option<Pair>, String> {
    let code = line.split('#').next().unwrap_or_default();
    let words: Vec<_> = code.split_whitespace().collect();
    match words[..] {
        [] => Ok(None),
        [addr, value] => one(addr, value).map(Some),
        _ => Err("expected an address and a value".into()),
    }
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
        assert_eq!(words("0 -1").unwrap(), [pair("0", u64::MAX)]);
        assert_eq!(words("0 5 1..3 0xff").unwrap(), expected);
        let lines = "0 5 # five\n\n# nothing\n1..3 0xff\n";
        let from_lines = |text: &'static [u8]| from_lines(Lines::new("a", text));
        assert_eq!(from_lines(lines.as_bytes()).unwrap(), expected);
        assert_eq!(from_lines(b"0 5\r1..3 255\r").unwrap(), expected);
    }

    #[test]
    fn mistakes() {
        for text in ["0", "0 1 2", "x 1", "0 x", "0..x 1", "-1 0"] {
            assert!(words(text).is_err(), "{text}");
        }
        for text in [&b"0 1\n2\n"[..], b"0 \xff\n", b"0 1 # \r2\r"] {
            assert!(from_lines(Lines::new("a", text)).is_err(), "{text:?}");
        }
    }
}
