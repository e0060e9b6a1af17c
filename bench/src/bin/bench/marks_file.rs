// SPDX-License-Identifier: MIT OR Apache-2.0
//! The plugin's file.

use anyhow::{Context, Result, bail, ensure};
use std::collections::HashMap;

/// Instructions between two marks.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Block {
    pub user: u64,
    pub kernel: u64,
    /// Those of either that are locked.
    pub locked: u64,
    /// Cache lines of the kernel that were stored to, where they were collected.
    pub lines: Vec<Line>,
    /// Executions by address, in a profile.
    pub executed: Vec<(u64, u64)>,
}

/// A cache line of the kernel's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    pub address: u64,
    /// True for those of a task's stack.
    pub is_stack: bool,
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
    let mut open: Option<[u64; 3]> = None;
    let (mut executed, mut lines) = (Vec::new(), Vec::new());
    for (number, line) in text.lines().enumerate() {
        let here = || format!("line {} of the plugin's file: {line}", number + 1);
        let fields: Vec<&str> = line.splitn(3, ' ').collect();
        let &[kind, first, second] = fields.as_slice() else {
            bail!(here());
        };
        let counts = || -> Result<[u64; 3]> {
            let (kernel, locked) = second.split_once(' ').context("a count is missing")?;
            Ok([first.parse()?, kernel.parse()?, locked.parse()?])
        };
        match kind {
            "begin" => {
                ensure!(open.is_none(), "a mark was missed: {}", here());
                open = Some(counts().with_context(here)?);
            }
            "end" => {
                let Some(then) = open.take() else {
                    bail!("a mark was missed: {}", here());
                };
                let now = counts().with_context(here)?;
                let since = |which: usize| -> Result<u64> {
                    let since = now[which].checked_sub(then[which]);
                    since.context("it counts backwards").with_context(here)
                };
                marks.blocks.push(Block {
                    user: since(0)?,
                    kernel: since(1)?,
                    locked: since(2)?,
                    lines: std::mem::take(&mut lines),
                    executed: std::mem::take(&mut executed),
                });
            }
            "line" => lines.push(Line {
                address: u64::from_str_radix(second, 16).with_context(here)?,
                is_stack: first == "stack",
            }),
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

    const GOOD: &str = "begin 10 100 3\nline stack f00040\nline other 80\nend 15 300 5\n\
        begin 20 300 5\nat 7 ff\nend 21 300 5\ncode ff nopl (%rax)\n";

    #[test]
    fn blocks_and_profile() {
        let marks = parse(GOOD).unwrap();
        assert_eq!(
            marks.blocks,
            [
                Block {
                    user: 5,
                    kernel: 200,
                    locked: 2,
                    lines: vec![
                        Line {
                            address: 0xf00040,
                            is_stack: true
                        },
                        Line {
                            address: 0x80,
                            is_stack: false
                        },
                    ],
                    executed: Vec::new()
                },
                Block {
                    user: 1,
                    kernel: 0,
                    locked: 0,
                    lines: Vec::new(),
                    executed: vec![(0xff, 7)]
                },
            ]
        );
        assert_eq!(marks.code[&0xff], "nopl (%rax)");
    }

    #[test]
    fn no_mark_may_be_missing() {
        for missing in [0, 3] {
            let lines: Vec<&str> = GOOD.lines().collect();
            let rest = [&lines[..missing], &lines[missing + 1..]]
                .concat()
                .join("\n");
            assert!(parse(&rest).is_err(), "{rest}");
        }
        assert!(parse("begin 1 1 1\n").is_err());
        assert!(parse("begin 1 1 1\nend 0 1 1\n").is_err());
        assert!(parse("begin 1 1\nend 1 1\n").is_err());
        assert!(parse("what 1 1\n").is_err());
    }
}
