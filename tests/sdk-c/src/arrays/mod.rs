// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Arrays`]: the vectors as arrays in C.

mod step;
mod write;

use std::collections::BTreeSet;

use atomik_vectors::change::{self, Change};
use atomik_vectors::format::File;
use serde_json::Value as Json;

use step::{Case, Step};
use write::Writer;

/// The vectors as arrays in C, for `programs/vectors.c`, and the parts that are not in them.
#[derive(Debug)]
pub struct Arrays {
    /// The text of a source file, which includes `programs/vectors.h`.
    pub source: String,
    pub files: Vec<Coverage>,
    /// The fields of changed expectations that make no difference in C.
    pub unseen: BTreeSet<String>,
}

/// The part of a file that the header can do.
#[derive(Debug, PartialEq, Eq)]
pub struct Coverage {
    pub name: &'static str,
    pub cases: usize,
    /// Cases of another kind, or of another width.
    pub skipped: usize,
    /// Steps that can't be written in C, of cases that are there.
    pub left_out: usize,
}

/// A step that takes the place of another.
struct Replacement {
    case: usize,
    step: usize,
    with: Step,
}

impl Arrays {
    /// Arrays of all files, with all changes of them.
    ///
    /// # Errors
    ///
    /// Says what in a file has no meaning.
    pub fn new() -> Result<Self, String> {
        let mut writer = Writer::default();
        let mut files = vec![];
        let mut unseen = BTreeSet::new();
        for (name, text) in atomik_vectors::FILES {
            let json: Json = serde_json::from_str(text).map_err(|error| error.to_string())?;
            let all =
                step::cases(&File::parse(text)?).map_err(|wrong| format!("{name}: {wrong}"))?;
            let replacements = |changes: Vec<Change>, unseen: &mut BTreeSet<String>| {
                let mut list = vec![];
                for change in changes {
                    match replacement(&json, &all, &change)? {
                        Seen::Replaced(replacement) => list.push(replacement),
                        Seen::Same => {
                            unseen.insert(change.field);
                        }
                        Seen::Refused => {}
                    }
                }
                Ok::<_, String>(list)
            };
            let expectations = replacements(change::expectations(&json), &mut unseen)?;
            let operands = replacements(change::operands(&json), &mut BTreeSet::new())?;
            let cases = all.iter().flatten();
            files.push(Coverage {
                name,
                cases: cases.clone().count(),
                skipped: all.len() - cases.clone().count(),
                left_out: cases.map(Case::left_out).sum(),
            });
            writer.file(name, &all, &expectations, &operands);
        }
        Ok(Self {
            source: writer.finish(),
            files,
            unseen,
        })
    }
}

/// A change in C.
enum Seen {
    Replaced(Replacement),
    /// It makes no difference there.
    Same,
    /// C can't say it, or has no such case.
    Refused,
}

fn replacement(json: &Json, cases: &[Option<Case>], change: &Change) -> Result<Seen, String> {
    let Some(case) = &cases[change.case] else {
        return Ok(Seen::Refused);
    };
    let changed = step::cases(&change.step(json)?);
    let Ok([Some(changed)]) = changed.as_deref() else {
        return Ok(Seen::Refused);
    };
    // The first step makes the case's object.
    let step = change.step.map_or(0, |step| step + 1);
    let with = &changed.steps[changed.steps.len() - 1];
    if case.steps[step] == *with {
        return Ok(Seen::Same);
    }
    Ok(Seen::Replaced(Replacement {
        case: change.case,
        step,
        with: with.clone(),
    }))
}
