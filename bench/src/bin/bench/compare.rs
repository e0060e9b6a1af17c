// SPDX-License-Identifier: MIT OR Apache-2.0
//! Changes between two measurements.

use crate::counts::Counts;
use crate::table::figure;
use std::fmt::Write;

/// Smallest change that is more than chance.
const NOISE: f64 = 0.005;

/// Old and new side by side.
pub fn table(old: &Counts, new: &Counts) -> Result<String, std::fmt::Error> {
    let mut out = format!(
        "{:<26}{:>9}{:>9}{:>9}\n",
        "instructions", "old", "new", "change"
    );
    for line in &new.lines {
        let before = old.get(&line.id).map(|line| line.all());
        let change = match before {
            None => "new".to_owned(),
            Some(before) if (line.all() - before).abs() <= NOISE * before => String::new(),
            Some(before) => format!("{:+.1} %", (line.all() / before - 1.0) * 100.0),
        };
        let before = before.map_or_else(String::new, figure);
        writeln!(
            out,
            "{:<26}{before:>9}{:>9}{change:>9}",
            line.id,
            figure(line.all())
        )?;
    }
    for line in &old.lines {
        if new.get(&line.id).is_none() {
            writeln!(
                out,
                "{:<26}{:>9}{:>9}{:>9}",
                line.id,
                figure(line.all()),
                "",
                "gone"
            )?;
        }
    }
    if old.release != new.release {
        writeln!(
            out,
            "The kernels differ: {} and {}.",
            old.release, new.release
        )?;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::Line;

    fn counts(lines: &[(&str, f64)]) -> Counts {
        let line = |&(id, kernel): &(&str, f64)| Line {
            id: id.to_owned(),
            user: 0.0,
            kernel,
            locked: 0.0,
        };
        Counts {
            release: "7.3".to_owned(),
            lines: lines.iter().map(line).collect(),
        }
    }

    #[test]
    fn what_changed_and_what_did_not() {
        let text = table(
            &counts(&[("a", 1000.0), ("b", 100.0), ("c", 5.0)]),
            &counts(&[("a", 1001.0), ("b", 50.0), ("d", 6.0)]),
        )
        .unwrap();
        let words: Vec<Vec<&str>> = text
            .lines()
            .skip(1)
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(words[0], ["a", "1000", "1001"]);
        assert_eq!(words[1], ["b", "100.0", "50.0", "-50.0", "%"]);
        assert_eq!(words[2], ["d", "6.0", "new"]);
        assert_eq!(words[3], ["c", "5.0", "gone"]);
    }
}
