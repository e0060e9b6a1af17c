// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names of an object in the languages, which collide neither with those of other schemas, as all
//! become one package, nor with our own.

use std::collections::HashSet;
use std::ops::Range;

use super::Draft;
use super::cross::{is_readable, kind, operations};
use super::walk::Tree;
use crate::names::{Places, c_names, snake};
use crate::problem::{Path, Problem};
use crate::reserved::is_ours;
use crate::schema::FieldType;
use crate::source::Source;

/// Names of an object in the languages.
pub(super) struct Names {
    /// Vertical, field and object.
    parts: [String; 3],
    /// The place of the object's name.
    span: Range<usize>,
    places: Places,
    c: Vec<String>,
}

impl Names {
    /// Those of a schema that may have mistakes, so that some may be missing.
    pub fn of(tree: &Tree) -> Option<Names> {
        let part = |key| tree.text(&["catalogue", key]).map(str::to_string);
        let parts = [part("vertical")?, part("field")?, part("object")?];
        let places = Places::of(&parts[0], &parts[1], &parts[2]);
        let readable = is_readable(tree);
        let fields = tree
            .get(&["schema", "delta_fields"])
            .map_or(&[][..], Tree::branches);
        let operations = fields.iter().flat_map(|field| operations(field, readable));
        let settable = fields
            .iter()
            .any(|field| kind(&field.tree).is_some_and(|kind| kind != FieldType::DeltaStream));
        let rollback = tree.bool(&["schema", "operations", "rollback", "enabled"]) == Some(true);
        Some(Names {
            span: tree.get(&["catalogue", "object"])?.span.clone(),
            c: c_names(&places.c_prefix, operations, settable, rollback),
            parts,
            places,
        })
    }

    /// The first name of C that our own library has.
    pub fn ours(&self, source: &Source) -> Option<Problem> {
        let taken = self.c.iter().find(|name| is_ours(name))?;
        let message = format!("`{taken}` is a name that atomik's own header for C has, too");
        Some(self.refuse(source, message))
    }

    fn refuse(&self, source: &Source, message: String) -> Problem {
        let path = Path::of(&["catalogue", "object"]);
        Problem::new(source, self.span.clone(), &path, message).allowed("a name of its own")
    }
}

/// The first name that belongs to an object of an earlier source already.
pub(super) fn check(
    source: &Source,
    draft: Option<&Draft>,
    earlier: &[(&Source, Option<Draft>)],
) -> Option<Problem> {
    let names = draft?.names.as_ref()?;
    let message = earlier.iter().find_map(|(other, draft)| {
        collision(names, draft.as_ref()?.names.as_ref()?, &other.name)
    })?;
    Some(names.refuse(source, message))
}

fn collision(names: &Names, other: &Names, file: &str) -> Option<String> {
    let full = other.parts.join(".");
    if names.parts == other.parts {
        return Some(format!("the object {full} is in {file} already"));
    }
    // In C all objects share one space of names, in Verilog all modules.
    let [one, two] = [names, other].map(|names| &names.places.c_prefix);
    let close = one.starts_with(two.as_str()) || two.starts_with(one.as_str());
    let theirs: HashSet<&String> = other.c.iter().filter(|_| close).collect();
    let mut ours = names.c.iter();
    let taken = ours
        .find(|name| theirs.contains(name))
        .or((names.places.verilog == other.places.verilog).then_some(&names.places.verilog));
    if let Some(taken) = taken {
        return Some(format!(
            "`{taken}` would belong to the object {full} of {file}, too"
        ));
    }
    // A directory holds what has the same small letters.
    let group = |parts: &[String; 3]| format!("{}::{}", snake(&parts[0]), snake(&parts[1]));
    let [one, two] = [&names.parts, &other.parts];
    (group(one) == group(two) && one[1] != two[1]).then(|| {
        let [taken, other] = [group(one), two[1].clone()];
        format!("`{taken}` would belong to the field {other} of {file}, too")
    })
}
