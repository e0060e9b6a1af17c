// SPDX-License-Identifier: MIT OR Apache-2.0
//! Mistakes in schemas, for people and for programs.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};
use serde::Serialize;

use crate::source::Source;

/// Lines longer than this many bytes are not shown.
const MAX_SHOWN: usize = 400;

/// One mistake, at one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Name of the source.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// Path of the key, such as `schema.delta_fields.count.width`; empty for the whole file.
    pub path: String,
    pub message: String,
    /// Values that would be right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed: Option<String>,
    /// The right name, where the one found looks like a typo of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
    #[serde(skip)]
    pub(crate) span: Range<usize>,
}

impl Problem {
    pub(crate) fn new(source: &Source, span: Range<usize>, path: &Path, message: String) -> Self {
        let span = source.clamp(span);
        let (file, path) = (source.name.clone(), path.to_string());
        let (line, column) = (0, 0);
        Problem {
            file,
            line,
            column,
            path,
            message,
            allowed: None,
            suggestion: None,
            span,
        }
    }

    /// Sorts the problems of a source, and fills in lines and columns.
    pub(crate) fn locate(problems: &mut [Problem], source: &Source) {
        problems.sort_by(|a, b| (a.span.start, &a.path).cmp(&(b.span.start, &b.path)));
        let mut position = source.positions();
        for problem in problems {
            (problem.line, problem.column) = position(problem.span.start);
        }
    }

    pub(crate) fn allowed(mut self, allowed: impl Into<String>) -> Self {
        self.allowed = Some(allowed.into());
        self
    }

    /// Text with the line of the schema, for a terminal where `color` is set.
    pub fn render(&self, source: &Source, color: bool) -> String {
        let renderer = if color {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let title = match self.path.as_str() {
            "" => self.message.clone(),
            path => format!("{path}: {}", self.message),
        };
        let (start, line) = source.line(self.span.start);
        let title = Level::ERROR.primary_title(title);
        let mut group = if line.len() <= MAX_SHOWN {
            let end = self.span.end.clamp(self.span.start, start + line.len()) - start;
            let begin = (self.span.start - start).min(end);
            title.element(
                Snippet::source(line)
                    .path(&self.file)
                    .line_start(self.line)
                    .annotation(AnnotationKind::Primary.span(begin..end)),
            )
        } else {
            title.element(
                Origin::path(&self.file)
                    .line(self.line)
                    .char_column(self.column),
            )
        };
        if let Some(allowed) = &self.allowed {
            group = group.element(Level::NOTE.message(format!("allowed: {allowed}")));
        }
        if let Some(suggestion) = &self.suggestion {
            group = group.element(Level::HELP.message(format!("did you mean `{suggestion}`?")));
        }
        renderer.render(&[group])
    }
}

/// Keys from the outermost to that of a value.
#[derive(Clone, Debug, Default)]
pub(crate) struct Path(Vec<String>);

impl Path {
    pub fn of(keys: &[&str]) -> Path {
        Path(keys.iter().map(|&key| key.to_string()).collect())
    }

    pub fn with(&self, key: &str) -> Path {
        let mut keys = self.0.clone();
        keys.push(key.to_string());
        Path(keys)
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, key) in self.0.iter().enumerate() {
            let plain = (1..=64).contains(&key.len())
                && key
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
            match (plain, at) {
                (true, 0) => f.write_str(key)?,
                (true, _) => write!(f, ".{key}")?,
                (false, _) => write!(f, "[{}]", quoted(key))?,
            }
        }
        Ok(())
    }
}

/// A name as it is shown: on one line, short, and without what a terminal would obey.
pub(crate) fn quoted(text: &str) -> String {
    match text.char_indices().nth(64) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// The one of `names` that `found` looks like a typo of.
pub(crate) fn suggest<'a>(found: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    if found.len() > 64 {
        return None;
    }
    let lower = found.to_lowercase();
    names
        .into_iter()
        .map(|name| {
            (
                strsim::normalized_damerau_levenshtein(&lower, &name.to_lowercase()),
                name,
            )
        })
        .filter(|&(likeness, _)| likeness >= 0.6)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name.to_string())
}
