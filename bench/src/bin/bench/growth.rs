// SPDX-License-Identifier: MIT OR Apache-2.0
//! Growth of an operation's cost with processors.

use crate::aims::Aim;
use crate::counts::{Counts, Line};
use crate::document::grouped;
use crate::table::plain_name;
use anyhow::Result;
use atomik_bench::Use;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// Beginning of the names of its rows.
pub const NAME: &str = "processors/";

/// Instructions of one call of the first processor, in a guest of several.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    pub processors: u16,
    pub table_use: Use,
    /// Name of the operation, such as `batch/accum/16`; a batch counts as one.
    pub operation: String,
    pub instructions: f64,
}

impl Row {
    pub fn id(&self) -> String {
        let prefix = self.table_use.prefix();
        format!("{NAME}{}/{prefix}{}", self.processors, self.operation)
    }
}

/// The rows of one guest.
pub fn rows(processors: u16, counts: &Counts) -> Vec<Row> {
    let row = |line: &Line| {
        let of = |table_use: &Use| line.id.strip_prefix(table_use.prefix());
        let table_use = Use::ALL
            .into_iter()
            .find(|table_use| of(table_use).is_some())?;
        Some(Row {
            processors,
            table_use,
            operation: of(&table_use)?.to_owned(),
            instructions: line.all(),
        })
    };
    counts.lines.iter().filter_map(row).collect()
}

/// The operations that the document has.
const DOCUMENTED: [&str; 6] = [
    "single/accum",
    "single/swap",
    "batch/accum/16",
    "batch/accum/256",
    "conventional/single/accum",
    "conventional/batch/accum/16",
];

/// The table for people.
pub fn table(all: &[Row]) -> Result<String> {
    Ok(format!(
        "\nInstructions of one call, counted on the first processor, by the number of \
         processors\n\n{}",
        of_operations(all, &operations(all))?
    ))
}

/// The table of docs/performance.md.
pub fn document(all: &[Row]) -> Result<String> {
    of_operations(all, &DOCUMENTED)
}

/// A line for each operation and use, a column for each number of processors.
fn of_operations(all: &[Row], operations: &[&str]) -> Result<String> {
    let mut processors: Vec<u16> = all.iter().map(|row| row.processors).collect();
    processors.dedup();
    let mut out = "| | table used by |".to_owned();
    for number in &processors {
        write!(out, " {number} |")?;
    }
    writeln!(out, "\n|{}", " --- |".repeat(2 + processors.len()))?;
    for &operation in operations {
        let is_of = |row: &Row, table_use| {
            (row.operation.as_str(), row.table_use) == (operation, table_use)
        };
        for table_use in Use::ALL {
            if !all.iter().any(|row| is_of(row, table_use)) {
                continue;
            }
            write!(
                out,
                "| {} | {} |",
                plain_name(operation),
                plain_use(table_use)
            )?;
            for &number in &processors {
                match find(all, number, table_use, operation) {
                    Some(row) => write!(out, " {} |", grouped(row.instructions))?,
                    None => write!(out, " |")?,
                }
            }
            out.push('\n');
        }
    }
    Ok(out)
}

/// Names of the operations, each once.
fn operations(all: &[Row]) -> Vec<&str> {
    let mut operations: Vec<&str> = Vec::new();
    for row in all {
        if !operations.contains(&row.operation.as_str()) {
            operations.push(&row.operation);
        }
    }
    operations
}

pub fn plain_use(table_use: Use) -> &'static str {
    match table_use {
        Use::One => "one",
        Use::Turns => "all in turn",
        Use::All => "all at once",
    }
}

pub fn find<'a>(
    all: &'a [Row],
    processors: u16,
    table_use: Use,
    operation: &str,
) -> Option<&'a Row> {
    all.iter().find(|row| {
        (row.processors, row.table_use, row.operation.as_str())
            == (processors, table_use, operation)
    })
}

/// The aim of one user beside many processors, and whether it is met. Nothing where they were not
/// measured.
pub fn aim(all: &[Row]) -> String {
    let (processors, operation, limit) = Aim::BESIDE_IDLE;
    let count = |processors| {
        let row = find(all, processors, Use::One, operation);
        row.map(|row| row.instructions)
    };
    let (Some(many), Some(one)) = (count(processors), count(1)) else {
        return String::new();
    };
    let multiple = many / one;
    let word = if multiple <= limit { "met" } else { "missed" };
    format!(
        "\n{} on {processors} processors, of which one uses the table: {multiple:.2} times that on \
         one; aim {limit:.2}  {word}\n",
        plain_name(operation)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(processors: u16, instructions: f64) -> Row {
        Row {
            processors,
            table_use: Use::One,
            operation: "batch/accum/16".to_owned(),
            instructions,
        }
    }

    #[test]
    fn the_aim_is_a_multiple_of_one_processor() {
        assert!(aim(&[row(1, 1000.0), row(32, 1050.0)]).ends_with("met\n"));
        assert!(aim(&[row(1, 1000.0), row(32, 1051.0)]).ends_with("missed\n"));
        assert_eq!(aim(&[row(1, 1000.0), row(4, 1000.0)]), "");
    }

    #[test]
    fn a_guest_gives_a_row_for_each_use() {
        let line = |id: &str| Line {
            id: id.to_owned(),
            user: 1.0,
            kernel: 2.0,
            locked: 0.0,
        };
        let counts = Counts {
            release: String::new(),
            lines: ["one/single/accum", "all/single/accum"].map(line).into(),
        };
        let ids: Vec<String> = rows(4, &counts).iter().map(Row::id).collect();
        assert_eq!(
            ids,
            [
                "processors/4/one/single/accum",
                "processors/4/all/single/accum"
            ]
        );
        let text = of_operations(&rows(4, &counts), &["single/accum"]).unwrap();
        assert!(text.contains("| ACCUM | all at once | 3 |"), "{text}");
        assert!(!text.contains("in turn"), "{text}");
    }
}
