// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Tree`]: the files that documents can name.

use crate::Document;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::Path,
};

/// A project's files and directories, without what is built and what git keeps.
#[derive(Debug, Default)]
pub struct Tree {
    /// By their paths from the project's directory, with slashes.
    paths: BTreeSet<String>,
    documents: BTreeMap<String, Document>,
    /// The targets of its makefiles.
    pub targets: BTreeSet<String>,
}

impl Tree {
    /// Reads a project.
    pub fn read(project: &Path) -> io::Result<Self> {
        let mut tree = Self::default();
        tree.read_directory(project, "")?;
        Ok(tree)
    }

    fn read_directory(&mut self, directory: &Path, name: &str) -> io::Result<()> {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let file = entry.file_name().to_string_lossy().into_owned();
            if file == ".git" || file == "target" {
                continue;
            }
            let path = match name {
                "" => file,
                name => format!("{name}/{file}"),
            };
            if entry.file_type()?.is_dir() {
                self.read_directory(&entry.path(), &path)?;
                self.paths.insert(path);
            } else if [".md", ".mk", "Makefile"]
                .iter()
                .any(|end| path.ends_with(end))
            {
                self.add(&path, &fs::read_to_string(entry.path())?);
            } else {
                self.add(&path, "");
            }
        }
        Ok(())
    }

    /// Adds a file. Its text matters for documents and makefiles.
    pub fn add(&mut self, path: &str, text: &str) {
        if path.ends_with(".md") {
            self.documents.insert(path.into(), Document::parse(text));
        } else {
            self.targets.extend(targets(text));
        }
        self.paths.insert(path.into());
    }

    /// Returns the paths of all documents.
    pub fn documents(&self) -> impl Iterator<Item = &str> {
        self.documents.keys().map(String::as_str)
    }

    /// Returns the document at a path.
    pub fn document(&self, path: &str) -> Option<&Document> {
        self.documents.get(path)
    }

    /// Whether there is such a file or directory.
    pub fn has(&self, path: &str) -> bool {
        path.is_empty() || self.paths.contains(path)
    }

    /// Returns the path that code in the document at `from` names, where it looks like one of this
    /// project and there is nothing: its first part is a directory, at the top or beside the
    /// document. What comes after a space are arguments; a path with NAME in it is a pattern.
    pub fn missing<'a>(&self, from: &str, code: &'a str) -> Option<&'a str> {
        let word = code.split(' ').next()?;
        let path = word.strip_suffix('/').unwrap_or(word);
        let is_path = |c: char| c.is_ascii_alphanumeric() || "._-@/".contains(c);
        let (first, _) = word.split_once('/')?;
        if first.is_empty() || path.contains("NAME") || !path.chars().all(is_path) {
            return None;
        }
        let starts = ["", parent(from)];
        let mut joined = starts.iter().filter_map(|start| join(start, first));
        let looks_like_one = joined.any(|first| self.has(&first));
        let mut joined = starts.iter().filter_map(|start| join(start, path));
        (looks_like_one && !joined.any(|path| self.has(&path))).then_some(word)
    }
}

/// The directory of a file.
pub fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// Where a relative path leads from a directory; None where that is outside the project.
pub fn join(directory: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = directory
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The targets of a makefile that people can name: words of small letters and dashes.
fn targets(makefile: &str) -> impl Iterator<Item = String> {
    let lines = makefile.lines().filter(|line| !line.starts_with('\t'));
    let rules = lines.filter_map(|line| line.split_once(':'));
    rules.flat_map(|(names, _)| {
        let names = names.split(' ').map(str::to_owned);
        let is_name = |c: char| c.is_ascii_lowercase() || c == '-';
        names.filter(move |name| !name.is_empty() && name.chars().all(is_name))
    })
}
