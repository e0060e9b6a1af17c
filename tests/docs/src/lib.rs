// SPDX-License-Identifier: MIT OR Apache-2.0

//! Checks of this project's documents. [`Document`] is one Markdown file, [`Tree`] the files that
//! it can name, [`check`] compares the two.

mod calls;
mod document;
mod programs;
mod tree;

pub use calls::{Sources, wrong_calls};
pub use document::Document;
pub use programs::{manual_example, misquoted, rust_blocks};
pub use tree::Tree;

/// The longest line of a document, in characters; tables and lines with a URL may be longer.
pub const WIDTH: usize = 100;

/// Returns a complaint for each thing wrong in the document at `path` of the tree: a link or path
/// to nowhere, a heading that no link can name, `make` of an unknown target, a line too long.
pub fn check(tree: &Tree, path: &str) -> Vec<String> {
    let Some(document) = tree.document(path) else {
        return vec![format!("{path}: no such document")];
    };
    let mut complaints = vec![];
    let mut complain =
        |line: usize, what: String| complaints.push(format!("{path}:{line}: {what}"));
    for (line, link) in &document.links {
        if let Err(why) = follow(tree, path, link) {
            complain(*line, format!("link to {link}: {why}"));
        }
    }
    for (line, code) in &document.code_spans {
        if let Some(name) = tree.missing(path, code) {
            complain(*line, format!("there is no {name}"));
        }
    }
    for (line, command) in document.commands() {
        let target = command.strip_prefix("make ").and_then(target);
        if let Some(target) = target.filter(|target| !tree.targets.contains(*target)) {
            complain(line, format!("make has no target {target}"));
        }
    }
    for line in &document.html {
        complain(*line, "HTML, whose links nobody checks".into());
    }
    for (line, text) in document.text.lines().enumerate() {
        let width = text.chars().count();
        if width > WIDTH && !text.starts_with('|') && !text.contains("://") {
            complain(line + 1, format!("{width} columns, more than {WIDTH}"));
        }
    }
    complaints
}

/// Follows a link of the document at `from`. Says what is wrong with it.
fn follow(tree: &Tree, from: &str, link: &str) -> Result<(), String> {
    if link.contains("://") || link.starts_with("mailto:") {
        return Ok(());
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let to = if path.is_empty() {
        from.to_owned()
    } else {
        tree::join(tree::parent(from), path).ok_or("it leads out of the project")?
    };
    if !tree.has(&to) {
        return Err("there is no such file".into());
    }
    if anchor.is_empty() {
        return Ok(());
    }
    let document = tree.document(&to).ok_or("it has no headings")?;
    if !document.anchors.contains(anchor) {
        return Err(format!("no heading has the anchor {anchor}"));
    }
    Ok(())
}

/// The target of a `make` with these arguments.
fn target(arguments: &str) -> Option<&str> {
    let is_name = |word: &&str| word.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    let mut words = arguments.split_whitespace();
    words
        .next()
        .filter(is_name)
        .filter(|word| !word.starts_with('-'))
}
