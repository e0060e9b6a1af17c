// SPDX-License-Identifier: MIT OR Apache-2.0
//! `kernel-table README RECORDS`: compares the README's table of kernels, which is kept by hand,
//! with the records of the tests.
//!
//! A test that ran has left a file in the directory RECORDS, of one line: the kernel's release, the
//! kind of test, and `passed` or `failed`, separated by tabs. A kernel without a record was not
//! tested here, and proves nothing.

use anyhow::{Context, Result, bail};
use std::{env, fs, process::ExitCode};

/// The kinds of tests, and the table's words for a kernel that has passed one.
const CLAIMS: [(&str, &str); 5] = [
    ("driver", "pass"),
    ("upgrade-from", "installs, uninstalls"),
    ("upgrade-to", "rebuilt by DKMS on the kernel's upgrade"),
    ("refusal", "refused, nothing changed"),
    ("packages", "install, purge"),
];

/// The series and flavour of a release, as 7.3.4+deb13-amd64 is 7.3-amd64. Debian has a new release
/// of each every other week, which the README need not know at once.
fn kind(release: &str) -> Option<String> {
    let (version, flavour) = release.split_once('-')?;
    let mut numbers = version.split('.');
    Some(format!("{}.{}-{flavour}", numbers.next()?, numbers.next()?))
}

/// Whether the table says that a kernel has passed a test.
fn claims(readme: &str, release: &str, words: &str) -> bool {
    readme.lines().any(|row| {
        let mut cells = row.split('|').map(str::trim).skip(1);
        let same = |cell: &str| kind(cell).is_some_and(|it| Some(it) == kind(release));
        cells.next().is_some_and(same)
            && cells.any(|cell| cell.split(';').any(|claim| claim.trim() == words))
    })
}

/// The sentence for a record with which the README disagrees.
fn dispute(readme: &str, record: &str) -> Result<Option<String>> {
    let [release, test, result] = record.split('\t').collect::<Vec<_>>()[..] else {
        bail!("not a record: {record:?}");
    };
    let known = CLAIMS.iter().find(|(name, _)| *name == test);
    let (_, words) = known.with_context(|| format!("no column of the table is for {test:?}"))?;
    Ok(match (claims(readme, release, words), result) {
        (true, "passed") | (false, "failed") => None,
        (false, "passed") => Some(format!("{release} passed {test}: the row lacks {words:?}")),
        (true, "failed") => Some(format!("{release} failed {test}: the row says {words:?}")),
        _ => bail!("neither passed nor failed: {record:?}"),
    })
}

fn run() -> Result<bool> {
    let [readme, records] = &env::args().skip(1).collect::<Vec<_>>()[..] else {
        bail!("usage: kernel-table README RECORDS");
    };
    let text = fs::read_to_string(readme).with_context(|| readme.clone())?;
    let mut agrees = true;
    for file in fs::read_dir(records).with_context(|| format!("no test has left {records}"))? {
        if let Some(dispute) = dispute(&text, fs::read_to_string(file?.path())?.trim_end())? {
            eprintln!("{readme}: {dispute}");
            agrees = false;
        }
    }
    Ok(agrees)
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

    const README: &str = "\
| kernel | driver's tests | `install.sh` | Debian packages |
| --- | --- | --- | --- |
| 7.3.4+deb13-cloud-amd64 | pass | installs, uninstalls; refused, nothing changed | - |
| 7.3.4+deb13-amd64 | - | - | - |
";

    fn agrees(record: &str) -> bool {
        dispute(README, record).unwrap().is_none()
    }

    #[test]
    fn records_must_be_in_the_table_as_they_are() {
        assert!(agrees("7.3.4+deb13-cloud-amd64\tdriver\tpassed"));
        assert!(agrees("7.3.4+deb13-cloud-amd64\trefusal\tpassed"));
        assert!(!agrees("7.3.4+deb13-cloud-amd64\tdriver\tfailed"));
        assert!(!agrees("7.3.4+deb13-cloud-amd64\tpackages\tpassed"));
        assert!(!agrees("7.3.4+deb13-amd64\tdriver\tpassed"));
        assert!(agrees("7.3.4+deb13-amd64\tdriver\tfailed"));
    }

    #[test]
    fn another_release_of_a_series_is_the_same_kernel() {
        assert!(agrees("7.3.12+deb14-cloud-amd64\tdriver\tpassed"));
        assert!(!agrees("7.4.4+deb13-cloud-amd64\tdriver\tpassed"));
    }

    #[test]
    fn other_lines_are_refused() {
        for record in ["7.3\tdriver", "7.3\tdriver\tmaybe", "7.3\tdancing\tpassed"] {
            assert!(dispute(README, record).is_err(), "{record}");
        }
    }
}
