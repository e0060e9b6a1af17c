// SPDX-License-Identifier: MIT OR Apache-2.0
//! The instructions of a case: by function, and one by one.

use crate::marks_file::Marks;
use anyhow::{Result, ensure};
use atomik_bench::{CountsReport, median};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Functions with a smaller share are left out.
const SHARE: f64 = 0.001;
const KERNEL: u64 = 1 << 63;

/// Writes the profile of each chosen case, without the cases that every measurement has.
pub fn text(report: &CountsReport, marks: &Marks) -> Result<String> {
    ensure!(
        report.blocks.len() == marks.blocks.len(),
        "marks were missed"
    );
    let mut out = String::new();
    for (index, case) in report.cases.iter().enumerate() {
        if case.id.starts_with("loop/") || case.id.starts_with("proof/") {
            continue;
        }
        let operations = f64::from(case.iterations) * f64::from(case.operations);
        let by_instruction: BTreeMap<u64, f64> = medians(report, marks, index)
            .into_iter()
            .map(|(address, count)| (address, count / operations))
            .filter(|&(_, count)| count > 0.0)
            .collect();
        writeln!(
            out,
            "== {}: instructions of one operation, with those of the loop\n",
            case.id
        )?;
        functions(&mut out, report, &by_instruction)?;
        out.push('\n');
        instructions(&mut out, report, marks, &by_instruction)?;
        out.push('\n');
    }
    Ok(out)
}

/// Executions of each instruction in the middle one of a case's blocks.
fn medians(report: &CountsReport, marks: &Marks, case: usize) -> BTreeMap<u64, f64> {
    let blocks: Vec<_> = report
        .blocks
        .iter()
        .zip(&marks.blocks)
        .filter(|(of, _)| **of == case)
        .map(|(_, block)| block)
        .collect();
    let mut counts: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for block in &blocks {
        for &(address, count) in &block.executed {
            counts.entry(address).or_default().push(count as f64);
        }
    }
    let middle = |mut counts: Vec<f64>| {
        counts.resize(blocks.len(), 0.0);
        median(counts)
    };
    counts
        .into_iter()
        .map(|(address, counts)| (address, middle(counts)))
        .collect()
}

fn functions(
    out: &mut String,
    report: &CountsReport,
    by_instruction: &BTreeMap<u64, f64>,
) -> Result<()> {
    let mut by_function: BTreeMap<String, f64> = BTreeMap::new();
    for (&address, count) in by_instruction {
        *by_function.entry(symbol(report, address).0).or_default() += count;
    }
    let mut by_function: Vec<_> = by_function.into_iter().collect();
    by_function.sort_by(|a, b| b.1.total_cmp(&a.1));
    let all: f64 = by_function.iter().map(|(_, count)| count).sum();
    writeln!(out, "{all:>10.2}  all")?;
    for (name, count) in by_function
        .iter()
        .filter(|(_, count)| *count >= SHARE * all)
    {
        writeln!(out, "{count:>10.2}  {name}")?;
    }
    Ok(())
}

fn instructions(
    out: &mut String,
    report: &CountsReport,
    marks: &Marks,
    by_instruction: &BTreeMap<u64, f64>,
) -> Result<()> {
    let mut last = String::new();
    for (&address, count) in by_instruction.range(KERNEL..) {
        let (name, offset) = symbol(report, address);
        if name != last {
            writeln!(out, "{name}:")?;
            last = name;
        }
        let code = marks.code.get(&address).map_or("", |code| code.as_str());
        writeln!(out, "{count:>10.3}  +{offset:#06x}  {code}")?;
    }
    Ok(())
}

/// The function of an address, and the offset in it.
fn symbol(report: &CountsReport, address: u64) -> (String, u64) {
    if address < KERNEL {
        return ("the program".to_owned(), address);
    }
    let next = report
        .symbols
        .partition_point(|(start, _)| *start <= address);
    match next.checked_sub(1).map(|index| &report.symbols[index]) {
        None => ("unknown".to_owned(), address),
        Some((start, name)) => {
            let (name, module) = name.split_once(' ').unwrap_or((name, ""));
            (
                format!("{:#} {module}", rustc_demangle::demangle(name)),
                address - start,
            )
        }
    }
}
