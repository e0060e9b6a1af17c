// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tables for people.

use crate::aims::{self, aim};
use crate::counts::{Counts, Line};
use anyhow::Result;
use atomik_bench::{CONVENTIONAL, CaseInfo, FLOOR, ThreadsReport, TimesReport, median};
use std::fmt::Write;

/// All counts.
pub fn counts(counts: &Counts) -> Result<String> {
    let floor = counts.floor()?;
    let mut out = format!(
        "Instructions of one operation, on {}, emulated, one processor\n\n\
         {:<28}{:>8}{:>9}{:>9}{:>8}{:>9}{:>10}{:>9}\n",
        counts.release, "", "user", "kernel", "all", "locked", "- floor", "C driver", "aim"
    );
    let own = |line: &&Line| !line.id.starts_with(CONVENTIONAL);
    for line in counts.lines.iter().filter(own) {
        let above = if in_kernel_once(&line.id) {
            figure(line.all() - floor)
        } else {
            String::new()
        };
        let limit = aim(&line.id).map(|aim| aim.limit(floor));
        writeln!(
            out,
            "{:<28}{:>8}{:>9}{:>9}{:>8}{:>9}{:>10}{:>9}{}",
            line.id,
            figure(line.user),
            figure(line.kernel),
            figure(line.all()),
            figure(line.locked),
            above,
            conventional(counts, &line.id).map_or_else(String::new, |line| figure(line.all())),
            limit.map_or_else(String::new, figure),
            limit.map_or("", |limit| if line.all() > limit {
                "  missed"
            } else {
                "  met"
            }),
        )?;
    }
    let missed = aims::missed(counts, floor).len();
    writeln!(out, "\n{missed} aims missed")?;
    Ok(out)
}

/// The conventional driver's line for the same.
pub fn conventional<'a>(counts: &'a Counts, id: &str) -> Option<&'a Line> {
    counts.get(&format!("{CONVENTIONAL}{id}"))
}

/// True where the operation is one system call, to compare with one that does nothing.
fn in_kernel_once(id: &str) -> bool {
    const OTHERS: [&str; 9] = [
        FLOOR,
        "batch",
        "memory/",
        "mapped/",
        "bpf/mapped",
        "seqlock/",
        "consistent/",
        "image/",
        "command/",
    ];
    !OTHERS.iter().any(|start| id.starts_with(start)) && !id.contains("update-batch")
}

/// An operation's name as documents have it: `batch/accum/16` is `BATCH of 16 ACCUM`.
pub fn plain_name(id: &str) -> String {
    let (whose, id) = match id.strip_prefix(CONVENTIONAL) {
        Some(id) => ("C driver: ", id),
        None => ("", id),
    };
    let parts: Vec<&str> = id.split('/').collect();
    match parts.as_slice() {
        ["single", opcode] => format!("{whose}{}", opcode.to_uppercase()),
        ["batch", opcode, count] => format!("{whose}BATCH of {count} {}", opcode.to_uppercase()),
        _ => format!("{whose}{id}"),
    }
}

/// The times, as ratios where the guest is emulated.
pub fn times(report: &TimesReport) -> Result<String> {
    let mut out = String::from(
        "\nTime of one operation, as a multiple of the unknown ioctl's in the same round\n\n",
    );
    for (index, case) in report.cases.iter().enumerate() {
        if ["loop/", "proof/"]
            .iter()
            .any(|start| case.id.starts_with(start))
        {
            continue;
        }
        let Some(ratio) = ratio(report, index) else {
            continue;
        };
        write!(out, "{:<26}{ratio:>9.3}", case.id)?;
        if !report.emulated {
            write!(
                out,
                "{:>9.1} ns",
                median(report.rounds.iter().map(|round| round[index]))
            )?;
        }
        out.push('\n');
    }
    out.push_str(&threads(&report.threads)?);
    Ok(out)
}

/// The median, over the rounds, of the time of a case in floors.
pub fn ratio(report: &TimesReport, index: usize) -> Option<f64> {
    let is_floor = |case: &CaseInfo| case.id == FLOOR;
    let floor = report.cases.iter().position(is_floor)?;
    Some(median(
        report
            .rounds
            .iter()
            .map(|round| round[index] / round[floor]),
    ))
}

/// The growth of throughput with threads.
fn threads(reports: &[ThreadsReport]) -> Result<String> {
    let mut out = String::from(
        "\nThroughput of several threads, as a multiple of one's; \
         median of the rounds, and the middle half of them\n\
         (processes: threads with descriptor tables of their own, as processes have)\n\n",
    );
    for report in reports.iter().filter(|report| report.threads > 1) {
        let mut growth = growth(reports, report);
        growth.sort_by(f64::total_cmp);
        let quarter = growth.len() / 4;
        writeln!(
            out,
            "{:<36}{:>2} threads{:>7.2}  ({:.2} to {:.2})",
            report.scenario,
            report.threads,
            median(growth.iter().copied()),
            growth[quarter],
            growth[growth.len() - 1 - quarter],
        )?;
    }
    Ok(out)
}

/// A report's rate as a multiple of one thread's, by round.
pub fn growth(reports: &[ThreadsReport], of: &ThreadsReport) -> Vec<f64> {
    let one = reports
        .iter()
        .find(|report| report.scenario == of.scenario && report.threads == 1);
    let rates = of.rates.iter();
    one.map(|one| {
        rates
            .zip(&one.rates)
            .map(|(many, one)| many / one)
            .collect()
    })
    .unwrap_or_default()
}

/// Formats a number with its significant digits.
pub fn figure(value: f64) -> String {
    if value.abs() < 200.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}
