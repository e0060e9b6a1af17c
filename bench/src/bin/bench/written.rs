// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cache lines that an operation writes to, and how many of them another processor writes to that
//! does the same on the same table: these go from core to core.

use crate::counts::Counts;
use crate::marks_file::{self, Marks};
use anyhow::{Context, Result};
use atomik_bench::{CONVENTIONAL, CountsReport, FIRST, FLOOR, SECOND, lower_quartile};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt::Write;

/// What a real processor pays for in one operation, of the kernel's side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Written {
    /// Name, such as `batch/accum/16`; in batches the whole batch counts.
    pub id: String,
    /// Locked instructions.
    pub locked: f64,
    /// Lines of the task's stack.
    pub stack: f64,
    /// Other lines.
    pub other: f64,
    /// Those of the other lines that both processors write to.
    pub shared: f64,
}

/// Evaluates what the guest of two processors reported.
pub fn new(report: &CountsReport, marks: &Marks) -> Result<Vec<Written>> {
    let counts = Counts::new(report, marks)?;
    let index = |id: &str| report.cases.iter().position(|case| case.id == id);
    let blocks = |index: usize| {
        let pairs = report.blocks.iter().zip(&marks.blocks);
        pairs.filter(move |(of, _)| **of == index).map(|(_, b)| b)
    };
    let first = report
        .cases
        .iter()
        .filter_map(|case| case.id.strip_prefix(FIRST));
    first
        .map(|id| {
            let second = index(&format!("{SECOND}{id}")).context("no second processor")?;
            let name = format!("{FIRST}{id}");
            let first = index(&name).context("it was there")?;
            let number = |is_stack: bool| {
                let of = |lines: &[marks_file::Line]| {
                    lines
                        .iter()
                        .filter(|line| line.is_stack == is_stack)
                        .count()
                };
                lower_quartile(blocks(first).map(|block| of(&block.lines) as f64))
            };
            let both = blocks(first).zip(blocks(second)).map(|(one, other)| {
                let others: BTreeSet<u64> = other.lines.iter().map(|line| line.address).collect();
                let shared = one
                    .lines
                    .iter()
                    .filter(|line| others.contains(&line.address));
                shared.count() as f64
            });
            Ok(Written {
                id: id.to_owned(),
                locked: counts.get(&name).context("it was counted")?.locked,
                stack: number(true),
                other: number(false),
                shared: lower_quartile(both),
            })
        })
        .collect()
}

/// The table for people.
pub fn table(all: &[Written]) -> Result<String, std::fmt::Error> {
    let mut out = String::from(
        "\nOf the kernel, in one call: locked instructions; cache lines of 64 bytes written to, on \
         the\ntask's stack, elsewhere, and those that another processor writes to which does the \
         same\non other contexts of the table\n\n",
    );
    writeln!(
        out,
        "{:<34}{:>8}{:>8}{:>10}{:>8}",
        "", "locked", "stack", "elsewhere", "shared"
    )?;
    for row in all {
        writeln!(
            out,
            "{:<34}{:>8.0}{:>8.0}{:>10.0}{:>8.0}",
            row.id, row.locked, row.stack, row.other, row.shared
        )?;
    }
    Ok(out)
}

/// The table of docs/performance.md.
pub fn document(all: &[Written]) -> Result<String> {
    let mut out = String::from(
        "| | locked | lines written | of these shared | C driver: locked | lines written \
         | of these shared |\n| --- | --- | --- | --- | --- | --- | --- |\n",
    );
    let get = |id: &str| all.iter().find(|row| row.id == id).context("no such row");
    for row in all.iter().filter(|row| !row.id.starts_with(CONVENTIONAL)) {
        let Ok(theirs) = get(&format!("{CONVENTIONAL}{}", row.id)) else {
            continue;
        };
        let cells = |row: &Written| {
            let lines = row.stack + row.other;
            format!("{:.0} | {lines:.0} | {:.0}", row.locked, row.shared)
        };
        let name = match row.id.as_str() {
            FLOOR => "unknown ioctl".to_owned(),
            id => crate::table::plain_name(id),
        };
        writeln!(out, "| {name} | {} | {} |", cells(row), cells(theirs))?;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marks_file::{Block, Line};
    use atomik_bench::{
        CaseInfo, LOOP_ITERATIONS, LOOP_MANY, LOOP_ONCE, PROOF, PROOF_INSTRUCTIONS, PROOF_LOCKED,
    };

    #[test]
    fn lines_of_both_processors_are_shared() {
        let case = |id: &str, iterations| CaseInfo {
            id: id.to_owned(),
            iterations,
            operations: 1,
        };
        let report = CountsReport {
            release: String::new(),
            cases: vec![
                case(LOOP_ONCE, 1),
                case(LOOP_MANY, LOOP_ITERATIONS),
                case(PROOF, 1),
                case("first/single/accum", 1),
                case("second/single/accum", 1),
            ],
            blocks: vec![0, 1, 2, 3, 4],
            symbols: Vec::new(),
        };
        let block = |locked, lines: &[(u64, bool)]| Block {
            locked,
            lines: lines
                .iter()
                .map(|&(address, is_stack)| Line { address, is_stack })
                .collect(),
            ..Block::default()
        };
        let marks = Marks {
            blocks: vec![
                block(0, &[]),
                block(0, &[]),
                Block {
                    user: PROOF_INSTRUCTIONS as u64,
                    ..block(PROOF_LOCKED as u64, &[])
                },
                block(2, &[(0x40, true), (0x80, false), (0xc0, false)]),
                block(2, &[(0x100, true), (0x80, false), (0x140, false)]),
            ],
            ..Marks::default()
        };
        let expected = Written {
            id: "single/accum".to_owned(),
            locked: 2.0,
            stack: 1.0,
            other: 2.0,
            shared: 1.0,
        };
        assert_eq!(new(&report, &marks).unwrap(), [expected]);
    }
}
