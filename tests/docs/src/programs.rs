// SPDX-License-Identifier: MIT OR Apache-2.0

//! Programs that documents show, made ready for the tests that run them.

use crate::Document;
use std::collections::BTreeSet;

/// Returns the Rust blocks of documents as the text of an array of names and functions.
pub fn rust_blocks(documents: &[(&str, String)]) -> String {
    let mut array = String::from("[\n");
    for (name, text) in documents {
        for (number, block) in Document::parse(text).blocks_in("rust").enumerate() {
            array += &format!(
                "(\"{name}, block {number}\", {{\n\
                 fn block() -> Result<(), Box<dyn std::error::Error>> {{\n{block}Ok(())\n}}\n\
                 block as fn() -> Result<(), Box<dyn std::error::Error>>\n}}),\n"
            );
        }
    }
    array + "]\n"
}

/// Returns the program of a manual page: the literal text of its section EXAMPLES.
pub fn manual_example(manual: &str) -> Option<&str> {
    let (_, section) = manual.split_once(".Sh EXAMPLES\n")?;
    let (_, program) = section.split_once(".Bd -literal\n")?;
    Some(program.split_once(".Ed\n")?.0)
}

/// Returns a complaint for each Rust block of a document that none of the programs has as it stands,
/// and for each program that no block is from. Programs are names and texts.
pub fn misquoted(document: &str, programs: &[(String, String)]) -> Vec<String> {
    let document = Document::parse(document);
    let mut complaints = vec![];
    let mut unquoted: BTreeSet<&str> = programs.iter().map(|(name, _)| name.as_str()).collect();
    for block in document.blocks_in("rust") {
        let mut sources = programs.iter().filter(|(_, text)| text.contains(block));
        match sources.next() {
            Some((name, _)) => drop(unquoted.remove(name.as_str())),
            None => complaints.push(format!("no program has this:\n{block}")),
        }
    }
    complaints.extend(unquoted.iter().map(|name| format!("nothing of {name}")));
    complaints
}
