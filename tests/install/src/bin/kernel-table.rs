// SPDX-License-Identifier: MIT OR Apache-2.0
//! `kernel-table [--update] README RECORDS`: compares the README's table of kernels with the records
//! of the tests; with `--update` it writes what they say into the table.
//!
//! A test that ran has left a file in the directory RECORDS, of one line: the kernel's release, the
//! kind of test, and `passed` or `failed`, separated by tabs. A kernel without a record was not
//! tested here, and proves nothing: its row stays as it is.

use anyhow::{Context, Result, bail, ensure};
use std::cmp::Reverse;
use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};

/// The columns after the kernel's name, architecture and page size, in order.
const COLUMNS: [&str; 4] = [
    "driver's tests",
    "`install.sh`",
    "Debian packages",
    "Secure Boot",
];

/// The kinds of tests, the column of each, and its words for a kernel that has passed one.
const CLAIMS: [(&str, usize, &str); 6] = [
    ("driver", 0, "pass"),
    ("install", 1, "installs, uninstalls"),
    ("upgrade", 1, "follows an upgrade"),
    ("refusal", 1, "refuses, changes nothing"),
    ("packages", 2, "install, purge"),
    ("secure-boot", 3, "enrolled, loads"),
];

/// A release in its parts: 7.3.4+deb13-arm64-16k is Linux 7.3.4 of deb13, of the flavour arm64-16k.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Release {
    version: Vec<u32>,
    distribution: String,
    flavour: String,
    text: String,
}

impl Release {
    fn parse(text: &str) -> Option<Self> {
        let (version, flavour) = text.split_once('-')?;
        let (version, distribution) = version.split_once('+').unwrap_or((version, ""));
        let version: Vec<u32> = version
            .split('.')
            .map(|n| n.parse().ok())
            .collect::<Option<_>>()?;
        (version.len() > 1).then(|| Release {
            version,
            distribution: distribution.to_owned(),
            flavour: flavour.to_owned(),
            text: text.to_owned(),
        })
    }

    /// Whether both are of the same series, distribution and flavour. Debian has a new release of
    /// each every other week, which the README need not know at once.
    fn is_kind_of(&self, other: &Release) -> bool {
        self.version[..2] == other.version[..2]
            && self.distribution == other.distribution
            && self.flavour == other.flavour
    }

    /// The architecture, and the size of its pages.
    fn machine(&self) -> Result<(&'static str, &'static str)> {
        let words: Vec<&str> = self.flavour.split('-').collect();
        Ok(match words[..] {
            [.., "amd64"] => ("x86-64", "4 KiB"),
            [.., "arm64"] => ("arm64", "4 KiB"),
            [.., "arm64", "16k"] => ("arm64", "16 KiB"),
            _ => bail!(
                "no architecture is known for the flavour {:?}",
                self.flavour
            ),
        })
    }
}

/// A kernel and what it has passed: for each column the claims, by their words.
#[derive(Clone, PartialEq, Eq)]
struct Row {
    release: Release,
    cells: [Vec<String>; COLUMNS.len()],
}

impl Row {
    fn parse(line: &str) -> Result<Self> {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        ensure!(
            cells.len() == COLUMNS.len() + 3,
            "not a row of {} cells: {line}",
            COLUMNS.len() + 3
        );
        let release = Release::parse(cells[0]).with_context(|| format!("no release: {line}"))?;
        let mut row = Row {
            release,
            cells: Default::default(),
        };
        for (column, cell) in row.cells.iter_mut().zip(&cells[3..]) {
            let claims = cell.split(';').map(str::trim).filter(|claim| *claim != "-");
            column.extend(claims.map(str::to_owned));
        }
        Ok(row)
    }

    fn print(&self) -> Result<String> {
        let (architecture, pages) = self.release.machine()?;
        let mut line = format!("| {} | {architecture} | {pages} |", self.release.text);
        for claims in &self.cells {
            let cell = if claims.is_empty() {
                "-".to_owned()
            } else {
                claims.join("; ")
            };
            line += &format!(" {cell} |");
        }
        Ok(line)
    }
}

/// The head of the table.
fn head() -> [String; 2] {
    [
        format!(
            "| kernel | architecture | page size | {} |",
            COLUMNS.join(" | ")
        ),
        format!("|{}", " --- |".repeat(COLUMNS.len() + 3)),
    ]
}

/// Where the table is in a document: its first line, and the one after its last.
fn table_of(lines: &[&str]) -> Result<(usize, usize)> {
    let head = head();
    let first = lines
        .windows(2)
        .position(|window| window == head)
        .with_context(|| format!("no table begins with: {}", head[0]))?;
    let rows = lines[first..]
        .iter()
        .take_while(|line| line.starts_with('|'));
    Ok((first, first + rows.count()))
}

/// Enters a record of a test into the rows.
fn enter(rows: &mut Vec<Row>, record: &str) -> Result<()> {
    let [release, test, result] = record.split('\t').collect::<Vec<_>>()[..] else {
        bail!("not a record: {record:?}");
    };
    let known = CLAIMS.iter().find(|(name, ..)| *name == test);
    let (_, column, words) = known.with_context(|| format!("no column is for {test:?}"))?;
    let passed = match result {
        "passed" => true,
        "failed" => false,
        _ => bail!("neither passed nor failed: {record:?}"),
    };
    let release = Release::parse(release).with_context(|| format!("no release: {record:?}"))?;
    let place = rows.iter().position(|row| row.release.is_kind_of(&release));
    let row = match place {
        Some(place) => &mut rows[place],
        None if passed => {
            rows.push(Row {
                release: release.clone(),
                cells: Default::default(),
            });
            rows.last_mut().context("there is none")?
        }
        None => return Ok(()),
    };
    let claims = &mut row.cells[*column];
    claims.retain(|claim| claim != words);
    if passed {
        claims.push((*words).to_owned());
        if release > row.release {
            row.release = release;
        }
    }
    // In the order in which they stand above.
    claims.sort_by_key(|claim| CLAIMS.iter().position(|(.., words)| words == claim));
    Ok(())
}

/// The table as it is to be, of the one in the document and of the records.
fn renewed(table: &[&str], records: &[String]) -> Result<Vec<String>> {
    let mut rows = Vec::new();
    for line in &table[2..] {
        rows.push(Row::parse(line)?);
    }
    for record in records {
        enter(&mut rows, record)?;
    }
    // The newest first, and otherwise by name.
    rows.sort_by_key(|row| {
        (
            Reverse(row.release.version.clone()),
            row.release.text.clone(),
        )
    });
    let mut lines = head().to_vec();
    for row in &rows {
        lines.push(row.print()?);
    }
    Ok(lines)
}

/// A line of the table without its release's last number, with which alone it may disagree.
fn without_point(line: &str) -> String {
    let name = line
        .trim_start_matches("| ")
        .split(' ')
        .next()
        .unwrap_or_default();
    let Some(release) = Release::parse(name) else {
        return line.to_owned();
    };
    let [major, minor] = release.version[..2] else {
        return line.to_owned();
    };
    let kind = format!(
        "{major}.{minor}+{}-{}",
        release.distribution, release.flavour
    );
    line.replacen(name, &kind, 1)
}

/// The lines in which both tables differ, as `diff` shows them.
fn differences(is: &[&str], should: &[String]) -> Vec<String> {
    let has = |lines: &[String], line: &str| lines.contains(&without_point(line));
    let plain: Vec<String> = is.iter().map(|line| without_point(line)).collect();
    let renewed: Vec<String> = should.iter().map(|line| without_point(line)).collect();
    let gone = is
        .iter()
        .filter(|line| !has(&renewed, line))
        .map(|line| format!("- {line}"));
    let new = should
        .iter()
        .filter(|line| !has(&plain, line))
        .map(|line| format!("+ {line}"));
    gone.chain(new).collect()
}

/// The records in a directory, in the order of their files' names.
fn read_records(directory: &Path) -> Result<Vec<String>> {
    let files = fs::read_dir(directory)
        .with_context(|| format!("no test has left {}", directory.display()))?;
    let mut paths = files
        .map(|file| Ok(file?.path()))
        .collect::<Result<Vec<_>>>()?;
    paths.sort();
    let read = |path| Ok(fs::read_to_string(path)?.trim_end().to_owned());
    paths.iter().map(read).collect()
}

fn run() -> Result<bool> {
    let mut arguments: Vec<String> = env::args().skip(1).collect();
    let update = arguments.first().is_some_and(|first| first == "--update");
    if update {
        arguments.remove(0);
    }
    let [readme, records] = &arguments[..] else {
        bail!("usage: kernel-table [--update] README RECORDS");
    };
    let text = fs::read_to_string(readme).with_context(|| readme.clone())?;
    let lines: Vec<&str> = text.lines().collect();
    let (first, end) = table_of(&lines)?;
    let table = &lines[first..end];
    let should = renewed(table, &read_records(Path::new(records))?)?;
    if update {
        let mut all: Vec<&str> = lines[..first].to_vec();
        all.extend(should.iter().map(String::as_str));
        all.extend(&lines[end..]);
        fs::write(readme, all.join("\n") + "\n")?;
        return Ok(true);
    }
    let differences = differences(table, &should);
    for line in &differences {
        eprintln!("{readme}: {line}");
    }
    if !differences.is_empty() {
        eprintln!("The tests say otherwise (+). To have it written: make kernel-table UPDATE=yes");
    }
    Ok(differences.is_empty())
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

    const ROWS: [&str; 3] = [
        "| 7.3.4+deb13-amd64 | x86-64 | 4 KiB | - | - | - | - |",
        "| 7.3.4+deb13-cloud-amd64 | x86-64 | 4 KiB | pass | installs, uninstalls | - | - |",
        "| 6.12.117+deb13-cloud-amd64 | x86-64 | 4 KiB | - | refuses, changes nothing | - | - |",
    ];

    fn table() -> Vec<String> {
        let rows = ROWS.map(str::to_owned);
        head().into_iter().chain(rows).collect()
    }

    fn with(records: &[&str]) -> Result<Vec<String>> {
        let table = table();
        let lines: Vec<&str> = table.iter().map(String::as_str).collect();
        let records: Vec<String> = records.iter().map(|record| (*record).to_owned()).collect();
        renewed(&lines, &records)
    }

    /// The rows that records add or change, and whether the table that was there disagrees.
    fn changed(records: &[&str]) -> (Vec<String>, bool) {
        let (before, after) = (table(), with(records).unwrap());
        let lines: Vec<&str> = before.iter().map(String::as_str).collect();
        let disagrees = !differences(&lines, &after).is_empty();
        let rows = after.into_iter().filter(|row| !before.contains(row));
        (rows.collect(), disagrees)
    }

    #[test]
    fn what_is_known_changes_nothing() {
        for records in [
            &[][..],
            &["7.3.4+deb13-cloud-amd64\tdriver\tpassed"],
            &["6.12.117+deb13-cloud-amd64\trefusal\tpassed"],
            &["7.3.4+deb13-amd64\tdriver\tfailed"],
            &["7.4.0+deb13-amd64\tdriver\tfailed"],
        ] {
            assert_eq!(changed(records), (vec![], false), "{records:?}");
        }
    }

    #[test]
    fn what_passed_is_added_in_order_and_what_failed_goes() {
        let passed = [
            "7.3.4+deb13-cloud-amd64\tupgrade\tpassed",
            "7.3.4+deb13-amd64\tinstall\tpassed",
            "7.3.4+deb13-amd64\tsecure-boot\tpassed",
        ];
        let rows = [
            "| 7.3.4+deb13-amd64 | x86-64 | 4 KiB | - | installs, uninstalls | - | enrolled, loads |",
            "| 7.3.4+deb13-cloud-amd64 | x86-64 | 4 KiB | pass \
             | installs, uninstalls; follows an upgrade | - | - |",
        ];
        assert_eq!(changed(&passed), (rows.map(str::to_owned).to_vec(), true));
        let (rows, disagrees) = changed(&["7.3.4+deb13-cloud-amd64\tdriver\tfailed"]);
        assert!(rows[0].contains("| - | installs, uninstalls |") && disagrees);
    }

    #[test]
    fn another_kernel_gets_a_row_in_its_place() {
        let after = with(&[
            "7.3.4+deb13-arm64-16k\tdriver\tpassed",
            "7.3.4+deb13-cloud-arm64\tdriver\tpassed",
            "7.2.12+deb14-amd64\tdriver\tpassed",
            "7.2.12-amd64\tpackages\tpassed",
        ]);
        let after = after.unwrap();
        let names: Vec<&str> = after[2..]
            .iter()
            .map(|row| &row[2..row.find(" | ").unwrap()])
            .collect();
        assert_eq!(
            names,
            [
                "7.3.4+deb13-amd64",
                "7.3.4+deb13-arm64-16k",
                "7.3.4+deb13-cloud-amd64",
                "7.3.4+deb13-cloud-arm64",
                "7.2.12+deb14-amd64",
                "7.2.12-amd64",
                "6.12.117+deb13-cloud-amd64",
            ]
        );
        assert_eq!(
            after[3],
            "| 7.3.4+deb13-arm64-16k | arm64 | 16 KiB | pass | - | - | - |"
        );
        assert_eq!(
            after[5],
            "| 7.3.4+deb13-cloud-arm64 | arm64 | 4 KiB | pass | - | - | - |"
        );
    }

    #[test]
    fn another_release_of_a_kernel_is_no_disagreement() {
        let (rows, disagrees) = changed(&["7.3.12+deb13-cloud-amd64\tdriver\tpassed"]);
        assert!(rows[0].starts_with("| 7.3.12+deb13-cloud-amd64 | x86-64 |") && !disagrees);
        // An older one is no news.
        let older = ["7.3.1+deb13-cloud-amd64\tdriver\tpassed"];
        assert_eq!(changed(&older), (vec![], false));
        let (_, disagrees) = changed(&["7.4.4+deb13-cloud-amd64\tdriver\tpassed"]);
        assert!(disagrees);
    }

    #[test]
    fn what_it_does_not_know_is_refused() {
        for record in [
            "7.3.4+deb13-amd64\tdriver",
            "7.3.4+deb13-amd64\tdriver\tmaybe",
            "7.3.4+deb13-amd64\tdancing\tpassed",
            "7.3.4+deb13-riscv64\tdriver\tpassed",
            "debug\tdriver\tpassed",
        ] {
            assert!(with(&[record]).is_err(), "{record}");
        }
        for row in [
            "| 7.3.4+deb13-amd64 | x86-64 | 4 KiB | pass |",
            "| kernel | a | b | c | d | e | f |",
        ] {
            assert!(Row::parse(row).is_err(), "{row}");
        }
    }

    #[test]
    fn the_table_ends_where_its_rows_do() {
        let table = table();
        let mut lines: Vec<&str> = vec!["| kernel | another table |", "| --- | --- |", ""];
        lines.extend(table.iter().map(String::as_str));
        lines.extend(["<!-- text -->", "| another |"]);
        assert_eq!(table_of(&lines).unwrap(), (3, 8));
        assert!(table_of(&lines[4..]).is_err());
    }
}
