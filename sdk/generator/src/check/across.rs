// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rules of several schemas, which become one package.

use std::ops::Range;

use super::Draft;
use super::walk::Tree;
use crate::names::{Places, snake};
use crate::problem::{Path, Problem};
use crate::source::Source;

/// Vertical, field and object, and the place of the object.
pub(super) fn name(tree: &Tree) -> Option<([String; 3], Range<usize>)> {
    let part = |key| tree.text(&["catalogue", key]).map(str::to_string);
    let name = [part("vertical")?, part("field")?, part("object")?];
    Some((name, tree.get(&["catalogue", "object"])?.span.clone()))
}

/// The first name that belongs to an object of an earlier source already.
pub(super) fn check(
    source: &Source,
    draft: Option<&Draft>,
    earlier: &[(&Source, Option<Draft>)],
) -> Option<Problem> {
    let (name, span) = draft?.name.as_ref()?;
    let message = earlier.iter().find_map(|(other, draft)| {
        collision(name, &draft.as_ref()?.name.as_ref()?.0, &other.name)
    })?;
    let path = Path::of(&["catalogue", "object"]);
    let problem = Problem::new(source, span.clone(), &path, message);
    Some(problem.allowed("a name of its own"))
}

fn collision(name: &[String; 3], other: &[String; 3], file: &str) -> Option<String> {
    if name == other {
        return Some(format!(
            "the object {} is in {file} already",
            name.join(".")
        ));
    }
    // In C all objects share one space of names.
    let type_of = |name: &[String; 3]| Places::of(&name[0], &name[1], &name[2]).c_prefix;
    if type_of(name) == type_of(other) {
        let [taken, other] = [type_of(name), other.join(".")];
        return Some(format!(
            "`{taken}` would belong to the object {other} of {file}, too"
        ));
    }
    // The parameters of `update` and `compare_update` have types that are called after the object.
    let parameter = ["update", "expected"].into_iter().find_map(|suffix| {
        let [one, two] = [type_of(name), type_of(other)];
        let taken = [format!("{one}_{suffix}"), format!("{two}_{suffix}")];
        taken
            .into_iter()
            .find(|taken| *taken == one || *taken == two)
    });
    if let Some(taken) = parameter {
        let other = other.join(".");
        return Some(format!(
            "`{taken}` is a type that {other} of {file} has, too"
        ));
    }
    // A directory holds what has the same small letters.
    let group = |name: &[String; 3]| format!("{}::{}", snake(&name[0]), snake(&name[1]));
    (group(name) == group(other) && name[1] != other[1]).then(|| {
        let [taken, other] = [group(name), other[1].clone()];
        format!("`{taken}` would belong to the field {other} of {file}, too")
    })
}
