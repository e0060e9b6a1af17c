// SPDX-License-Identifier: MIT OR Apache-2.0
//! `kernel-table RECORDS README [--write]`: compares the table of kernels in the README with what the tests have recorded, or
//! writes it.
//!
//! Each test that ran leaves a file in the directory RECORDS, of one line: the kernel's release, what was done with it
//! (`driver` or a scenario of the installation), and `passed` or `failed`, separated by tabs.

use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::{env, fs};

const BEGIN: &str = "<!-- What the tests recorded; `make kernel-table` writes it. -->\n";
const END: &str = "<!-- The end of what they recorded. -->\n";

/// What can be recorded, and what the table says of it where it passed.
const COLUMNS: &[(&str, &[(&str, &str)])] = &[
    ("driver's tests", &[("driver", "pass")]),
    (
        "`install.sh`",
        &[
            ("upgrade-from", "installs, uninstalls"),
            ("upgrade-to", "rebuilt by DKMS on the kernel's upgrade"),
            ("refusal", "refused, nothing changed"),
        ],
    ),
    ("Debian packages", &[("packages", "install, purge")]),
];

#[derive(Debug, PartialEq)]
struct Record {
    release: String,
    what: String,
    passed: bool,
}

impl Record {
    fn parse(line: &str) -> Result<Self> {
        let mut words = line.trim_end().split('\t');
        let (Some(release), Some(what), Some(result), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            bail!("not a record: {line:?}");
        };
        ensure!(
            COLUMNS
                .iter()
                .any(|(_, cells)| cells.iter().any(|(known, _)| *known == what)),
            "no column of the table is for {what:?}"
        );
        let passed = match result {
            "passed" => true,
            "failed" => false,
            _ => bail!("neither passed nor failed: {line:?}"),
        };
        Ok(Record {
            release: release.to_owned(),
            what: what.to_owned(),
            passed,
        })
    }
}

/// The numbers of a release, to sort by.
fn numbers(release: &str) -> Vec<u32> {
    release
        .split(|c: char| !c.is_ascii_digit())
        .map_while(|digits| digits.parse().ok())
        .collect()
}

/// The table, the newest kernel first. What failed is not called tested.
fn table(records: &[Record]) -> String {
    let mut kernels: BTreeMap<(Vec<u32>, &str), Vec<&Record>> = BTreeMap::new();
    for record in records {
        let key = (numbers(&record.release), record.release.as_str());
        kernels.entry(key).or_default().push(record);
    }
    let mut text = "| kernel |".to_owned();
    let mut rule = "| --- |".to_owned();
    for (name, _) in COLUMNS {
        text += &format!(" {name} |");
        rule += " --- |";
    }
    text = format!("{text}\n{rule}\n");
    for ((_, release), records) in kernels.iter().rev() {
        text += &format!("| {release} |");
        for (_, cells) in COLUMNS {
            let said: Vec<&str> = cells
                .iter()
                .filter(|(what, _)| {
                    let mut of_it = records.iter().filter(|record| record.what == *what);
                    of_it.clone().next().is_some() && of_it.all(|record| record.passed)
                })
                .map(|(_, says)| *says)
                .collect();
            let said = if said.is_empty() {
                "-".to_owned()
            } else {
                said.join("; ")
            };
            text += &format!(" {said} |");
        }
        text.push('\n');
    }
    text
}

/// A table with the series and flavour in place of the releases: Debian has a new release of each every other week, of which the
/// README need not know at once.
fn by_series(table: &str) -> String {
    let rows = table.lines().map(|row| match row.split_once(" |") {
        Some((first, rest)) if first.starts_with('|') => {
            let release = first.trim_start_matches(['|', ' ']);
            let series: Vec<String> = numbers(release)
                .iter()
                .take(2)
                .map(u32::to_string)
                .collect();
            let flavour = release.split_once('-').map_or("", |(_, flavour)| flavour);
            format!("{} {flavour} |{rest}\n", series.join("."))
        }
        _ => format!("{row}\n"),
    });
    rows.collect()
}

/// The part before the table, the table, and the part after it.
fn split(readme: &str) -> Result<(&str, &str, &str)> {
    let (before, rest) = readme
        .split_once(BEGIN)
        .context("the README has no place for the table of kernels")?;
    let (table, after) = rest
        .split_once(END)
        .context("the README's table of kernels has no end")?;
    Ok((before, table, after))
}

fn run() -> Result<bool> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (records, path, write) = match arguments.as_slice() {
        [records, readme] => (records, readme, false),
        [records, readme, option] if option == "--write" => (records, readme, true),
        _ => bail!("usage: kernel-table RECORDS README [--write]"),
    };
    let mut lines = Vec::new();
    for file in fs::read_dir(records)
        .with_context(|| format!("no test has recorded anything in {records}"))?
    {
        let text = fs::read_to_string(file?.path())?;
        for line in text.lines() {
            lines.push(Record::parse(line)?);
        }
    }
    let readme = fs::read_to_string(path).with_context(|| path.clone())?;
    let (before, old, after) = split(&readme)?;
    let new = table(&lines);
    if write {
        fs::write(path, format!("{before}{BEGIN}{new}{END}{after}"))?;
    } else if by_series(old) != by_series(&new) {
        eprintln!(
            "The tests recorded another table than {path} has; `make kernel-table` writes it:\n{new}"
        );
        return Ok(false);
    } else if old != new {
        eprintln!(
            "note: the kernels have other releases than {path} says; `make kernel-table` writes them"
        );
    }
    Ok(true)
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("kernel-table: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(lines: &[&str]) -> Vec<Record> {
        lines
            .iter()
            .map(|line| Record::parse(line).unwrap())
            .collect()
    }

    #[test]
    fn newer_kernels_come_first_by_number() {
        let text = table(&records(&[
            "7.9.1-cloud\tdriver\tpassed",
            "7.10.1-cloud\tdriver\tpassed",
        ]));
        let rows: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(
            rows,
            [
                "| 7.10.1-cloud | pass | - | - |",
                "| 7.9.1-cloud | pass | - | - |"
            ]
        );
    }

    #[test]
    fn what_failed_once_does_not_count() {
        let text = table(&records(&[
            "7.3\tdriver\tpassed",
            "7.3\tdriver\tfailed",
            "7.3\tpackages\tpassed",
        ]));
        assert!(
            text.ends_with("| 7.3 | - | - | install, purge |\n"),
            "{text}"
        );
    }

    #[test]
    fn another_release_of_a_series_is_no_other_table() {
        let of = |release: &str, what: &str| {
            by_series(&table(&records(&[&format!("{release}\t{what}\tpassed")])))
        };
        let known = of("7.3.4+deb13-cloud-amd64", "driver");
        assert_eq!(known, of("7.3.12+deb14-cloud-amd64", "driver"));
        assert_ne!(known, of("7.4.4+deb13-cloud-amd64", "driver"));
        assert_ne!(known, of("7.3.4+deb13-amd64", "driver"));
        assert_ne!(known, of("7.3.4+deb13-cloud-amd64", "packages"));
    }

    #[test]
    fn what_is_no_record_is_refused() {
        for line in [
            "7.3\tdriver",
            "7.3\tdriver\tmaybe",
            "7.3\tdancing\tpassed",
            "7.3\tdriver\tpassed\tx",
        ] {
            assert!(Record::parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn the_readme_keeps_what_is_around_the_table() {
        let readme = format!("a\n{BEGIN}old\n{END}z\n");
        assert_eq!(split(&readme).unwrap(), ("a\n", "old\n", "z\n"));
        assert!(split("a\n").is_err());
        assert!(split(BEGIN).is_err());
    }
}
