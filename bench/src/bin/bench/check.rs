// SPDX-License-Identifier: MIT OR Apache-2.0
//! Compares counts with those that the repository expects.
//!
//! A single system call counts above the floor of the same measurement. So the figures are the
//! driver's alone, and a new kernel's entry code does not move them.

use crate::counts::{Counts, Line};
use crate::growth;
use crate::table::{conventional, figure};
use crate::written::Written;
use anyhow::{Context, Result};
use atomik_bench::{CONVENTIONAL, FLOOR, Use};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Share by which a count may be off,
const TOLERANCE: f64 = 0.03;
/// or instructions of a system call.
const INSTRUCTIONS: f64 = 3.0;
/// Beginnings of the names of the cases that are checked: those of the driver.
pub const CHECKED: &[&str] = &[
    "floor/",
    "single/",
    "batch/",
    "conditions/",
    "export/",
    "watch/",
    "contexts/",
    "tables/",
    "mapped/",
    "create/",
    "destroy/",
    "image/",
    "others/",
    "consistent/",
    "conventional/",
    // Other commands depend on who answers, or are not the project's.
    "command/read-fd",
];

/// Beginning of the names of what [`Written`] has.
const WRITTEN: &str = "written/";

/// Expected counts by name.
pub type Expected = BTreeMap<String, f64>;

/// Reads lines `NAME COUNT`.
pub fn parse(text: &str) -> Result<Expected> {
    let lines = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    let pair = |line: &str| {
        let (id, count) = line.split_once(char::is_whitespace)?;
        Some((id.to_owned(), count.trim().parse().ok()?))
    };
    lines
        .map(|line| pair(line).with_context(|| format!("not NAME COUNT: {line}")))
        .collect()
}

/// Returns the counts that the file should have.
pub fn expected(counts: &Counts, written: &[Written], growth: &[growth::Row]) -> Result<Expected> {
    let floor = counts.floor()?;
    let of_conventional = conventional(counts, FLOOR).context("the C driver wasn't measured")?;
    let checked =
        |line: &&Line| !line.id.ends_with(FLOOR) && CHECKED.iter().any(|c| line.id.starts_with(c));
    let counted = counts.lines.iter().filter(checked).map(|line| {
        let count = match line.id.strip_prefix(CONVENTIONAL) {
            Some(id) => own(id, line, of_conventional.all()),
            None => own(&line.id, line, floor),
        };
        (line.id.clone(), count)
    });
    let written = written.iter().flat_map(|row| {
        let of = |what: &str, count| (format!("{WRITTEN}{what}/{}", row.id), count);
        [
            of("locked", row.locked),
            of("lines", row.stack + row.other),
            of("shared", row.shared),
        ]
    });
    // Where all work at once, the count is mostly of waiting, and repeats less.
    let growth = growth.iter().filter(|row| row.table_use != Use::All);
    let growth = growth.map(|row| (row.id(), row.instructions));
    let rounded = |(id, count): (String, f64)| (id, (count * 10.0).round() / 10.0);
    Ok(counted.chain(written).chain(growth).map(rounded).collect())
}

pub fn write(expected: &Expected) -> Result<String> {
    let mut text = String::from(
        "# SPDX-License-Identifier: MIT OR Apache-2.0\n\
         # Instructions of an operation, or of an entry of a batch, that `make bench-check` expects.\n\
         # Those of a single operation are above an unknown ioctl's. Under processors/ they are of\n\
         # whole calls. Under written/ are a call's locked instructions, the kernel's cache lines that\n\
         # it writes to, and how many of these another processor writes to as well.\n\
         # `make bench-check UPDATE=yes` writes this file.\n",
    );
    for (id, count) in expected {
        writeln!(text, "{id:<44}{count:>10.1}")?;
    }
    Ok(text)
}

/// The driver's share of an operation.
fn own(id: &str, line: &Line, floor: f64) -> f64 {
    let whole = ["batch/", "mapped/", "image/", "command/", "consistent/"];
    if whole.iter().any(|start| id.starts_with(start)) {
        line.all()
    } else {
        line.all() - floor
    }
}

/// How far a count may be off.
fn tolerance(id: &str, before: f64) -> f64 {
    if let Some(of) = id.strip_prefix(WRITTEN) {
        // Of lines, one may come with where the compiler puts something.
        return if of.starts_with("lines/") { 1.0 } else { 0.0 };
    }
    // An entry's share of a system call is small in a large batch.
    let of_driver = id.strip_prefix(CONVENTIONAL).unwrap_or(id);
    let entries = of_driver
        .strip_prefix("batch/")
        .and_then(|rest| rest.rsplit('/').next()?.parse().ok());
    (TOLERANCE * before.abs()).max(INSTRUCTIONS / entries.unwrap_or(1.0))
}

#[derive(Debug, Default, PartialEq)]
pub struct Verdict {
    pub above: Vec<String>,
    pub below: Vec<String>,
    /// Counts that are measured and not expected, or the other way round.
    pub unknown: Vec<String>,
}

/// Compares measured counts with expected ones.
pub fn compare(expected: &Expected, measured: &Expected) -> Verdict {
    let mut verdict = Verdict::default();
    for (id, &count) in measured {
        let Some(&before) = expected.get(id) else {
            verdict.unknown.push(format!("{id}: expected by no line"));
            continue;
        };
        let tolerance = tolerance(id, before);
        let told = || format!("{id}: {} instead of {}", figure(count), figure(before));
        if count > before + tolerance {
            verdict.above.push(told());
        } else if count < before - tolerance {
            verdict.below.push(told());
        }
    }
    let gone = expected.keys().filter(|id| !measured.contains_key(*id));
    verdict
        .unknown
        .extend(gone.map(|id| format!("{id}: not measured")));
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;
    use atomik_bench::{COMPARE_AND_SET, TWO_ACCUMS};

    fn list(pairs: &[(&str, f64)]) -> Expected {
        pairs
            .iter()
            .map(|&(id, count)| (id.to_owned(), count))
            .collect()
    }

    #[test]
    fn above_and_below() {
        let expected = list(&[("batch/accum/4096", 10.0), ("single/accum", 50.0)]);
        let verdict = |batch, single| {
            compare(
                &expected,
                &list(&[("batch/accum/4096", batch), ("single/accum", single)]),
            )
        };
        assert_eq!(verdict(10.0, 50.0), Verdict::default());
        assert_eq!(verdict(10.2, 52.9), Verdict::default());
        assert_eq!(verdict(10.4, 53.1).above.len(), 2);
        assert_eq!(verdict(9.6, 46.9).below.len(), 2);
    }

    #[test]
    fn what_real_processors_pay_for_may_not_grow() {
        let ids = ["written/locked/single/accum", "written/shared/single/accum"];
        for id in ids {
            let one = list(&[(id, 1.0)]);
            assert_eq!(compare(&one, &one), Verdict::default());
            assert_eq!(compare(&one, &list(&[(id, 2.0)])).above.len(), 1);
        }
    }

    #[test]
    fn what_is_missing_is_told() {
        let verdict = compare(&list(&[("single/a", 1.0)]), &list(&[("single/b", 1.0)]));
        assert_eq!(verdict.unknown.len(), 2);
    }

    #[test]
    fn a_compare_and_set_costs_little_more_than_two_accums() {
        let expected = parse(include_str!("../../../expected")).unwrap();
        let more = expected[COMPARE_AND_SET] - expected[TWO_ACCUMS];
        assert!(more <= 60.0, "{more} instructions more");
    }

    #[test]
    fn the_file_reads_as_it_was_written() {
        let expected = list(&[("batch/accum/1", 700.5), ("single/accum", -3.0)]);
        assert_eq!(parse(&write(&expected).unwrap()).unwrap(), expected);
        assert!(parse("single/accum many\n").is_err());
    }
}
