// SPDX-License-Identifier: MIT OR Apache-2.0
//! The plugin's file.

use anyhow::{Context, Result, bail, ensure};
use std::collections::HashMap;

/// Instructions between two marks.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Block {
    pub user: u64,
    pub kernel: u64,
    /// Executions by address, in a profile.
    pub executed: Vec<(u64, u64)>,
}

#[derive(Debug, Default)]
pub struct Marks {
    pub blocks: Vec<Block>,
    /// Instructions in assembler, by address.
    pub code: HashMap<u64, String>,
}

/// Reads the plugin's file. A mark that is missing is an error.
pub fn parse(text: &str) -> Result<Marks> {
    let mut marks = Marks::default();
    let mut open: Option<(u64, u64)> = None;
    let mut executed = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let here = || format!("line {} of the plugin's file: {line}", number + 1);
        let fields: Vec<&str> = line.splitn(3, ' ').collect();
        let &[kind, first, second] = fields.as_slice() else {
            bail!(here());
        };
        match kind {
            "begin" => {
                ensure!(open.is_none(), "a mark was missed: {}", here());
                open = Some((
                    first.parse().with_context(here)?,
                    second.parse().with_context(here)?,
                ));
            }
            "end" => {
                let Some((user, kernel)) = open.take() else {
                    bail!("a mark was missed: {}", here());
                };
                let since = |now: &str, then: u64| -> Result<u64> {
                    now.parse::<u64>()?
                        .checked_sub(then)
                        .context("it counts backwards")
                };
                marks.blocks.push(Block {
                    user: since(first, user).with_context(here)?,
                    kernel: since(second, kernel).with_context(here)?,
                    executed: std::mem::take(&mut executed),
                });
            }
            "at" => executed.push((
                u64::from_str_radix(second, 16).with_context(here)?,
                first.parse().with_context(here)?,
            )),
            "code" => {
                let address = u64::from_str_radix(first, 16).with_context(here)?;
                marks.code.insert(address, second.to_owned());
            }
            _ => bail!(here()),
        }
    }
    ensure!(
        open.is_none(),
        "a mark was missed: the last block has no end"
    );
    Ok(marks)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "begin 10 100\nend 15 300\nbegin 20 300\nat 7 ff\nend 21 300\ncode ff nopl (%rax)\n";

    #[test]
    fn blocks_and_profile() {
        let marks = parse(GOOD).unwrap();
        assert_eq!(
            marks.blocks,
            [
                Block {
                    user: 5,
                    kernel: 200,
                    executed: Vec::new()
                },
                Block {
                    user: 1,
                    kernel: 0,
                    executed: vec![(0xff, 7)]
                },
            ]
        );
        assert_eq!(marks.code[&0xff], "nopl (%rax)");
    }

    #[test]
    fn no_mark_may_be_missing() {
        for missing in 0..2 {
            let lines: Vec<&str> = GOOD.lines().collect();
            let rest = [&lines[..missing], &lines[missing + 1..]]
                .concat()
                .join("\n");
            assert!(parse(&rest).is_err(), "{rest}");
        }
        assert!(parse("begin 1 1\n").is_err());
        assert!(parse("begin 1 1\nend 0 1\n").is_err());
        assert!(parse("what 1 1\n").is_err());
    }
}
