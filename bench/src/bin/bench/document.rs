// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tables of docs/performance.md, of a measurement. In the document a line `<!-- table NAME -->`
//! stands before each.

use crate::Measured;
use crate::aims::aim;
use crate::counts::{Counts, Line};
use crate::{growth, written};
use anyhow::{Context, Result, bail};
use atomik_bench::{CONVENTIONAL, FLOOR};
use std::fmt::Write;

/// The table of two machines, which a measurement of one leaves as it is.
const MACHINES: &str = "machines";

/// Cell of a table.
enum Cell {
    /// Instructions above an unknown ioctl of the same driver.
    Above(String),
    /// All of them.
    Whole(String),
    User(String),
    Kernel(String),
    /// The aim, and whether it is met.
    Aim(String),
    Text(&'static str),
}
use Cell::{Above, Aim, Kernel, Text, User, Whole};

/// Heading cells, and rows: a name and its cells.
struct Table(&'static str, Vec<(String, Vec<Cell>)>);

/// The document with its tables anew, but for the one of machines.
pub fn renewed(document: &str, measured: &Measured) -> Result<String> {
    replaced(document, |name| match name {
        MACHINES => Ok(None),
        _ => table(name, measured).map(Some),
    })
}

/// The document with its table of machines anew.
pub fn with_machines(document: &str, x86_64: &Counts, arm64: &Counts) -> Result<String> {
    replaced(document, |name| match name {
        MACHINES => machines(x86_64, arm64).map(Some),
        _ => Ok(None),
    })
}

/// The document with those tables replaced for which there is another text.
fn replaced(document: &str, text: impl Fn(&str) -> Result<Option<String>>) -> Result<String> {
    let mut out = String::new();
    let mut lines = document.lines();
    while let Some(line) = lines.next() {
        writeln!(out, "{line}")?;
        let name = line
            .strip_prefix("<!-- table ")
            .and_then(|rest| rest.strip_suffix(" -->"));
        let Some(new) = name.map(&text).transpose()?.flatten() else {
            continue;
        };
        out.push_str(&new);
        // Those of before end with an empty line.
        for old in lines.by_ref() {
            if old.is_empty() {
                break;
            }
        }
        out.push('\n');
    }
    Ok(out)
}

/// The same operations on two machines.
fn machines(x86_64: &Counts, arm64: &Counts) -> Result<String> {
    let single = ["load", "accum", "read", "swap"].map(|opcode| {
        let name = format!("{}, above the floor", opcode.to_uppercase());
        (name, Above(format!("single/{opcode}")))
    });
    let whole = [
        ("the floor: an ioctl that the driver doesn't know", FLOOR),
        ("a batch's entry, 16 ACCUMs", "batch/accum/16"),
        ("the same, 4096 ACCUMs", "batch/accum/4096"),
        ("the same, 16 READs", "batch/read/16"),
        ("the same, 4096 READs", "batch/read/4096"),
        ("ACCUM through a mapping", "mapped/accum"),
        ("READ through a mapping", "mapped/read"),
        ("a consistent read of 16 words", "consistent/read/16"),
    ]
    .map(|(name, id)| (name.to_owned(), Whole(id.to_owned())));
    let mut out = "| | x86-64 | arm64 |\n| --- | --- | --- |\n".to_owned();
    for (name, cell) in single.into_iter().chain(whole) {
        let (one, other) = (cell.text(x86_64)?, cell.text(arm64)?);
        writeln!(out, "| {name} | {one} | {other} |")?;
    }
    Ok(out)
}

fn table(name: &str, measured: &Measured) -> Result<String> {
    let text = match name {
        "written" => written::document(&measured.written)?,
        "growth" => growth::document(&measured.growth)?,
        _ => counted(name)?.text(&measured.counts)?,
    };
    Ok(text)
}

/// The tables of counts.
fn counted(name: &str) -> Result<Table> {
    let row = |name: &str, cells: Vec<Cell>| (name.to_owned(), cells);
    let above = |name: &str, id: &str| row(name, vec![Above(id.to_owned())]);
    let whole = |name: &str, id: &str| row(name, vec![Whole(id.to_owned())]);
    const OPCODES: [&str; 4] = ["load", "accum", "read", "swap"];
    Ok(match name {
        "single" => Table(
            "above the floor | C driver | aim",
            OPCODES
                .map(|opcode| {
                    let id = format!("single/{opcode}");
                    let theirs = format!("{CONVENTIONAL}{id}");
                    let cells = vec![Above(id.clone()), Above(theirs), Aim(id)];
                    (opcode.to_uppercase(), cells)
                })
                .into(),
        ),
        "batch" => {
            let sizes = [1, 4, 16, 64, 256, 1024, 4096];
            let ours = sizes.map(|size| {
                let cells = OPCODES.map(|opcode| Whole(format!("batch/{opcode}/{size}")));
                (size.to_string(), cells.into())
            });
            let aims = [16, 4096].map(|size| {
                let cells = OPCODES.map(|opcode| Aim(format!("batch/{opcode}/{size}")));
                (format!("aim for {size}"), cells.into())
            });
            let theirs = [16, 4096].map(|size| {
                let id = |opcode| format!("{CONVENTIONAL}batch/{opcode}/{size}");
                let cells = OPCODES.map(|opcode| Whole(id(opcode)));
                (format!("C driver, {size}"), cells.into())
            });
            let rows = ours.into_iter().chain(aims).chain(theirs);
            Table("LOAD | ACCUM | READ | SWAP", rows.collect())
        }
        "peers" => {
            let pair = |name: &str, accum: &str, read: &str| {
                row(name, vec![Whole(accum.to_owned()), Whole(read.to_owned())])
            };
            Table(
                "change | read",
                vec![
                    pair("atomik, ACCUM and READ", "single/accum", "single/read"),
                    pair(
                        "conventional driver in C",
                        &format!("{CONVENTIONAL}single/accum"),
                        &format!("{CONVENTIONAL}single/read"),
                    ),
                    pair("BPF array map, by system call", "bpf/update", "bpf/lookup"),
                    pair("atomik, mapped", "mapped/accum", "mapped/read"),
                    pair(
                        "BPF array map, mapped",
                        "bpf/mapped/accum",
                        "bpf/mapped/read",
                    ),
                    pair("atomic in shared memory", "memory/accum", "memory/read"),
                ],
            )
        }
        "together" => {
            let counts = ["1", "16", "256"];
            let rows = [
                ("consistent", "atomik, consistent read"),
                ("seqlock", "seqlock"),
            ];
            let of = |name: &str| counts.map(|count| Whole(format!("{name}/read/{count}")));
            let mut rows: Vec<_> = rows
                .into_iter()
                .map(|(id, name)| row(name, of(id).into()))
                .collect();
            rows.push(row(
                "aim",
                counts
                    .map(|count| Aim(format!("consistent/read/{count}")))
                    .into(),
            ));
            Table("1 | 16 | 256", rows)
        }
        "conditions" => Table(
            "instructions",
            vec![
                above(
                    "BATCH of two ACCUMs on one context, above the floor",
                    "conditions/two-accums",
                ),
                above(
                    "BATCH of EXPECT and SET on one context, above the floor",
                    "conditions/compare-and-set",
                ),
                above(
                    "the same where the EXPECT doesn't hold",
                    "conditions/canceled",
                ),
                whole(
                    "one entry of EXPECT and SET in turn, of 16",
                    "batch/expect-set/16",
                ),
                whole("the same, of 4096", "batch/expect-set/4096"),
            ],
        ),
        "exports" => Table(
            "above the floor",
            vec![
                above("EXPORT", "export/export"),
                above("ACCUM through an exported descriptor", "export/accum"),
                above("READ through an exported descriptor", "export/read"),
            ],
        ),
        "others" => {
            let beside = ["1x1", "100x1", "100x10", "1000x1"];
            let of = |name: &str| beside.map(|beside| Above(format!("others/{name}/{beside}")));
            Table(
                "1 file | 100 files | 100 files of 10 tables | 1,000 files",
                vec![
                    row("open and close", of("open-close").into()),
                    row(
                        "open, create the first table, close",
                        of("open-create-close").into(),
                    ),
                    row("GET_INFO", of("get-info").into()),
                ],
            )
        }
        "tables" => {
            let size = |count: u32| {
                let of = |name: &str| Above(format!("{name}/{count}"));
                let image = if count == 1 {
                    Text("")
                } else {
                    Whole(format!("image/snapshot/{count}"))
                };
                (count.to_string(), vec![of("create"), of("destroy"), image])
            };
            Table(
                "CREATE_TABLE | DESTROY_TABLE | SNAPSHOT, for each context",
                [1, 256, 65536].map(size).into(),
            )
        }
        "watch" => Table(
            "above the floor",
            vec![
                above("ACCUM, all watches woken already", "watch/accum/1"),
                above("the same, a hundred watches", "watch/accum/100"),
                above("ACCUM that wakes the table's one watch", "watch/wake/1"),
                above("ACCUM that wakes one of a hundred", "watch/wake/100"),
                above("reading 1 change", "watch/read/1"),
                above("reading 100 changes that lie apart", "watch/read/100"),
                above("reading 65,536 changes", "watch/read/65536"),
                whole(
                    "entry of a batch of 16 ACCUMs, all watches woken already",
                    "batch/watched-accum/16",
                ),
                whole("the same, of 4096", "batch/watched-accum/4096"),
            ],
        ),
        "command" => {
            let of = |name: &str, id: &str| {
                let id = || id.to_owned();
                row(name, vec![User(id()), Kernel(id()), Whole(id())])
            };
            Table(
                "user | kernel | all",
                vec![
                    of(
                        "Debian's `/bin/true`, which loads one library",
                        "command/true",
                    ),
                    of("`atomikctl --fd 3 read 0`", "command/read-fd"),
                    of("`atomikctl -s s read 0`", "command/read-session"),
                ],
            )
        }
        _ => bail!("docs/performance.md has a table {name}, which nothing makes"),
    })
}

impl Table {
    fn text(&self, counts: &Counts) -> Result<String> {
        let Self(heading, rows) = self;
        let columns = heading.split(" | ").count();
        let mut out = format!("| | {heading} |\n|{}\n", " --- |".repeat(1 + columns));
        for (name, cells) in rows {
            write!(out, "| {name} |")?;
            for cell in cells {
                match cell.text(counts)?.as_str() {
                    "" => write!(out, " |")?,
                    text => write!(out, " {text} |")?,
                }
            }
            out.push('\n');
        }
        Ok(out)
    }
}

impl Cell {
    fn text(&self, counts: &Counts) -> Result<String> {
        let get = |id: &str| {
            counts
                .get(id)
                .with_context(|| format!("{id} was not measured"))
        };
        let floor = |id: &str| {
            let whose = if id.starts_with(CONVENTIONAL) {
                CONVENTIONAL
            } else {
                ""
            };
            get(&format!("{whose}{FLOOR}")).map(Line::all)
        };
        Ok(match self {
            Above(id) => grouped(get(id)?.all() - floor(id)?),
            Whole(id) => grouped(get(id)?.all()),
            User(id) => grouped(get(id)?.user),
            Kernel(id) => grouped(get(id)?.kernel),
            Aim(id) => {
                let floor = floor(id)?;
                let aim = aim(id).with_context(|| format!("{id} has no aim"))?;
                let word = if get(id)?.all() > aim.limit(floor) {
                    "missed"
                } else {
                    "met"
                };
                format!("{}, {word}", grouped(aim.value()))
            }
            Text(text) => (*text).to_owned(),
        })
    }
}

/// A number as the documents have it: one digit behind the point below 200, thousands apart above.
pub fn grouped(value: f64) -> String {
    if value.abs() < 200.0 {
        let text = format!("{value:.1}");
        return text.strip_suffix(".0").map_or(text.clone(), str::to_owned);
    }
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_people_read_them() {
        assert_eq!(grouped(82.0), "82");
        assert_eq!(grouped(14.04), "14");
        assert_eq!(grouped(11.26), "11.3");
        assert_eq!(grouped(999.6), "1,000");
        assert_eq!(grouped(1_234_567.0), "1,234,567");
    }

    #[test]
    fn every_table_of_the_document_is_known() {
        let document = include_str!("../../../../docs/performance.md");
        let names = document.lines().filter_map(|line| {
            let rest = line.strip_prefix("<!-- table ")?;
            rest.strip_suffix(" -->")
        });
        let mut known = 0;
        for name in names.filter(|name| !["written", "growth", MACHINES].contains(name)) {
            assert!(counted(name).is_ok(), "{name}");
            known += 1;
        }
        assert!(known > 0);
    }
}
