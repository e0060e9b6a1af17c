// SPDX-License-Identifier: MIT OR Apache-2.0

//! Programs that documents show, made ready for the tests that run them.

use crate::Document;

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
