// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`wrong_calls`]: the table of calls against the sources that it names.

use std::collections::BTreeSet;

/// The sources of each language, and the commands of `atomikctl`.
#[derive(Default)]
pub struct Sources {
    /// The driver's header.
    pub header: String,
    /// Each file of the crate.
    pub rust: Vec<String>,
    /// The header for C.
    pub c: String,
    /// Each stub and module of the package.
    pub python: Vec<String>,
    /// The subcommands.
    pub commands: BTreeSet<String>,
}

const COLUMNS: [&str; 7] = [
    "ioctl",
    "Rust",
    "C",
    "Python",
    "atomikctl",
    "process",
    "device",
];

/// Returns a complaint for each cell of the tables in `text` that is empty, names what isn't there,
/// or has a reason that isn't given; and for each reason that no cell has.
pub fn wrong_calls(text: &str, sources: &Sources) -> Vec<String> {
    let given: BTreeSet<_> = text.lines().filter_map(reason).collect();
    let mut used = BTreeSet::new();
    let mut complaints = vec![];
    for line in text.lines().filter(|line| line.starts_with('|')) {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let (what, cells) = cells.split_first().expect("a line has a cell");
        if what.is_empty() || what.starts_with("---") {
            if what.is_empty() && cells != COLUMNS {
                complaints.push(format!("other columns: {cells:?}"));
            }
            continue;
        }
        if cells.len() != COLUMNS.len() {
            complaints.push(format!("{what}: {} cells", cells.len()));
        }
        for (cell, column) in cells.iter().zip(COLUMNS) {
            if let Some(letter) = cell.strip_prefix("– ") {
                used.insert(letter);
                if !given.contains(letter) {
                    complaints.push(format!("{what}, {column}: no reason {letter}"));
                }
                continue;
            }
            let names: Vec<_> = cell.split('`').skip(1).step_by(2).collect();
            let answers = ["process", "device"].contains(&column);
            if names.is_empty() && !(answers && *cell == "yes") {
                complaints.push(format!("{what}, {column}: neither a call nor a reason"));
            }
            for name in names.iter().filter(|name| !sources.have(column, name)) {
                complaints.push(format!("{what}, {column}: there is no {name}"));
            }
        }
    }
    let unused = given.difference(&used);
    complaints.extend(unused.map(|letter| format!("no cell has the reason {letter}")));
    complaints
}

/// The letter of a reason that this line begins.
fn reason(line: &str) -> Option<&str> {
    line.strip_prefix("- **")?.split_once("**:").map(|(l, _)| l)
}

impl Sources {
    fn have(&self, column: &str, name: &str) -> bool {
        match column {
            "ioctl" => has_word(&self.header, &format!("ATOMIK_IOC_{name}")),
            "Rust" => self.rust.iter().any(|file| rust_has(file, name)),
            "C" => has_word(&self.c, name),
            "Python" => self.python.iter().any(|file| python_has(file, name)),
            "atomikctl" => self.commands.contains(name),
            _ => false,
        }
    }
}

/// True where a file has this type, or an `impl` of the type with this method.
fn rust_has(file: &str, name: &str) -> bool {
    let Some((of, method)) = name.split_once("::") else {
        return has_word(file, &format!("pub struct {name}"));
    };
    let begins = |line: &str| {
        ["impl", "pub trait"]
            .iter()
            .any(|word| line.starts_with(word))
            && has_word(line, of)
    };
    blocks(file, begins).any(|block| has_word(&block, &format!("fn {method}")))
}

/// True where a file has this class, or one with this method.
fn python_has(file: &str, name: &str) -> bool {
    let (class, method) = name.split_once('.').unwrap_or((name, ""));
    let begins = |line: &str| line.starts_with("class ") && has_word(line, class);
    blocks(file, begins)
        .any(|block| method.is_empty() || has_word(&block, &format!("def {method}")))
}

/// The blocks of indented lines behind those for which `begins` holds.
fn blocks<'a>(
    text: &'a str,
    begins: impl Fn(&str) -> bool + 'a,
) -> impl Iterator<Item = String> + 'a {
    let lines: Vec<_> = text.lines().collect();
    let starts: Vec<_> = (0..lines.len()).filter(|&i| begins(lines[i])).collect();
    starts.into_iter().map(move |start| {
        let inside = |line: &&&str| line.is_empty() || line.starts_with([' ', '\t', '#']);
        let block: Vec<_> = (lines[start + 1..].iter().take_while(inside))
            .copied()
            .collect();
        block.join("\n")
    })
}

/// True where `text` has `name`, not as a part of a longer one.
fn has_word(text: &str, name: &str) -> bool {
    let of_name = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name).any(|(at, _)| {
        !text[..at].ends_with(of_name) && !text[at + name.len()..].starts_with(of_name)
    })
}
