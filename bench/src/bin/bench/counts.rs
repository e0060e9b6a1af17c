// SPDX-License-Identifier: MIT OR Apache-2.0
//! Instructions per operation, from the guest's report and the plugin's counts.

use crate::marks_file::{Block, Marks};
use anyhow::{Context, Result, ensure};
use atomik_bench::{
    CaseInfo, CountsReport, FLOOR, LOOP_ITERATIONS, LOOP_MANY, LOOP_ONCE, PROOF,
    PROOF_INSTRUCTIONS, PROOF_LOCKED, lower_quartile,
};
use serde::{Deserialize, Serialize};

/// Instructions of one operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Name, such as `batch/accum/16`.
    pub id: String,
    pub user: f64,
    pub kernel: f64,
    /// Those of either that are locked.
    #[serde(default)]
    pub locked: f64,
}

impl Line {
    pub fn all(&self) -> f64 {
        self.user + self.kernel
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Counts {
    /// Release of the guest's kernel.
    pub release: String,
    pub lines: Vec<Line>,
}

impl Counts {
    /// Takes the lower quartile of each case's blocks, less the cost of loop and marks. Interrupts
    /// only add to a block, and most long blocks have one. Fails where the plugin has missed a
    /// block, or counts a known one wrongly.
    pub fn new(report: &CountsReport, marks: &Marks) -> Result<Self> {
        ensure!(
            report.blocks.len() == marks.blocks.len(),
            "marks were missed: the guest executed {} blocks, the plugin saw {}",
            report.blocks.len(),
            marks.blocks.len()
        );
        let usual = |index: usize, part: fn(&Block) -> u64| {
            let of_case = report
                .blocks
                .iter()
                .zip(&marks.blocks)
                .filter(|(case, _)| **case == index);
            lower_quartile(of_case.map(|(_, block)| part(block) as f64))
        };
        let whole = |id: &str| -> Result<f64> {
            let index = report.cases.iter().position(|case| case.id == id);
            Ok(usual(
                index.with_context(|| format!("no case {id}"))?,
                |b| b.user,
            ))
        };
        let (once, many) = (whole(LOOP_ONCE)?, whole(LOOP_MANY)?);
        let turn = (many - once) / f64::from(LOOP_ITERATIONS - 1);
        let marks_alone = once - turn;

        let line = |(index, case): (usize, &CaseInfo)| {
            let (iterations, operations) = (f64::from(case.iterations), f64::from(case.operations));
            Line {
                id: case.id.clone(),
                user: ((usual(index, |b| b.user) - marks_alone) / iterations - turn) / operations,
                kernel: usual(index, |b| b.kernel) / iterations / operations,
                locked: usual(index, |b| b.locked) / iterations / operations,
            }
        };
        let mut lines: Vec<Line> = report.cases.iter().enumerate().map(line).collect();
        let proof = lines
            .iter()
            .find(|line| line.id == PROOF)
            .context("no proof")?;
        ensure!(
            (proof.user - PROOF_INSTRUCTIONS).abs() < 0.5
                && proof.kernel == 0.0
                && proof.locked == PROOF_LOCKED,
            "{PROOF_INSTRUCTIONS} instructions, {PROOF_LOCKED} of them locked, were counted as {}, \
             {} of them locked, and {} of the kernel",
            proof.user,
            proof.locked,
            proof.kernel
        );
        lines.retain(|line| ![LOOP_ONCE, LOOP_MANY, PROOF].contains(&line.id.as_str()));
        Ok(Self {
            release: report.release.clone(),
            lines,
        })
    }

    pub fn get(&self, id: &str) -> Option<&Line> {
        self.lines.iter().find(|line| line.id == id)
    }

    /// Instructions of an unknown ioctl.
    pub fn floor(&self) -> Result<f64> {
        Ok(self.get(FLOOR).context("the floor was not measured")?.all())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A loop of 3 instructions a turn between marks of 2, and a kernel that is interrupted once.
    fn measured() -> (CountsReport, Marks) {
        let case = |id: &str, iterations, operations| CaseInfo {
            id: id.to_owned(),
            iterations,
            operations,
        };
        let cases = vec![
            case(LOOP_ONCE, 1, 1),
            case(LOOP_MANY, LOOP_ITERATIONS, 1),
            case(PROOF, 1, 1),
            case("batch/x/8", 2, 8),
        ];
        let block = |user, kernel| Block {
            user,
            kernel,
            ..Block::default()
        };
        let round = |noise: u64| {
            [
                block(5, 0),
                block(194, 0),
                Block {
                    locked: 3,
                    ..block(1005, 0)
                },
                block(2 + 2 * (3 + 16), 32 + noise),
            ]
        };
        let report = CountsReport {
            release: String::new(),
            cases,
            blocks: [0, 1, 2, 3].repeat(3),
            symbols: Vec::new(),
        };
        let marks = Marks {
            blocks: [5000, 0, 5000].into_iter().flat_map(round).collect(),
            ..Marks::default()
        };
        (report, marks)
    }

    #[test]
    fn what_the_loop_costs_is_left_out_and_noise_too() {
        let (report, marks) = measured();
        let counts = Counts::new(&report, &marks).unwrap();
        let expected = Line {
            id: "batch/x/8".to_owned(),
            user: 2.0,
            kernel: 2.0,
            locked: 0.0,
        };
        assert_eq!(counts.lines, [expected]);
    }

    #[test]
    fn a_wrong_proof_or_a_missing_block_fails() {
        let (report, mut marks) = measured();
        for round in 0..3 {
            marks.blocks[round * 4 + 2].user += 1;
        }
        assert!(Counts::new(&report, &marks).is_err());
        let (report, mut marks) = measured();
        for round in 0..3 {
            marks.blocks[round * 4 + 2].locked -= 1;
        }
        assert!(Counts::new(&report, &marks).is_err());
        let (report, mut marks) = measured();
        marks.blocks.pop();
        assert!(Counts::new(&report, &marks).is_err());
    }
}
