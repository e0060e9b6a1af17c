// SPDX-License-Identifier: MIT OR Apache-2.0
//! Changes from one version of a schema to the next.

use std::collections::HashMap;

use semver::{BuildMetadata, Prerelease, Version};
use serde::Serialize;

use crate::schema::{Field, Schema};

/// What users of the old version lose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Nothing: only documents, or what code is made of.
    None,
    /// Nothing; there is something new.
    Addition,
    /// Programs that use what is gone no longer compile, or do something else.
    Api,
    /// Tables and messages of the old version mean something else.
    Layout,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Path of the key.
    pub path: String,
    pub message: String,
    pub effect: Effect,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diff {
    pub changes: Vec<Change>,
    pub old: Version,
    pub new: Version,
    /// The lowest version that says what has changed.
    pub needed: Version,
}

impl Diff {
    pub fn breaks_api(&self) -> bool {
        self.worst() >= Effect::Api
    }

    pub fn breaks_layout(&self) -> bool {
        self.worst() == Effect::Layout
    }

    /// The new schema's version says what has changed.
    pub fn is_versioned(&self) -> bool {
        self.new >= self.needed
    }

    fn worst(&self) -> Effect {
        self.changes
            .iter()
            .map(|change| change.effect)
            .max()
            .unwrap_or(Effect::None)
    }
}

/// All that differs between two schemas.
pub fn diff(old: &Schema, new: &Schema) -> Diff {
    let mut changes = Changes(Vec::new());
    changes.name(old, new);
    changes.fields(old, new);
    changes.operations(old, new);
    changes.rest(old, new);
    let mut diff = Diff {
        changes: changes.0,
        old: old.catalogue.version.clone(),
        new: new.catalogue.version.clone(),
        needed: old.catalogue.version.clone(),
    };
    if !diff.changes.is_empty() {
        diff.needed = next(&diff.old, diff.worst());
    }
    diff
}

/// The lowest version after `old` that says that something with this effect has changed. Before
/// 1.0.0 the second number says what the first says from then on.
fn next(old: &Version, effect: Effect) -> Version {
    let mut next = old.clone();
    next.pre = Prerelease::EMPTY;
    next.build = BuildMetadata::EMPTY;
    let breaks = effect >= Effect::Api;
    if breaks && old.major > 0 {
        // A number that is the largest of its kind stays: there is none after it.
        (next.major, next.minor, next.patch) = (old.major.saturating_add(1), 0, 0);
    } else if breaks || (effect == Effect::Addition && old.major > 0) {
        (next.minor, next.patch) = (old.minor.saturating_add(1), 0);
    } else if old.pre.is_empty() {
        next.patch = old.patch.saturating_add(1);
    }
    next
}

fn by_name(schema: &Schema) -> HashMap<&str, &Field> {
    let fields = schema.fields.iter();
    fields.map(|field| (&*field.name, field)).collect()
}

struct Changes(Vec<Change>);

impl Changes {
    fn add(&mut self, effect: Effect, path: &str, message: String) {
        self.0.push(Change {
            path: path.to_string(),
            message,
            effect,
        });
    }

    fn compare<T: PartialEq>(
        &mut self,
        path: &str,
        [old, new]: [&T; 2],
        effect: Effect,
        show: impl Fn(&T) -> String,
    ) {
        if old != new {
            self.add(effect, path, format!("{} became {}", show(old), show(new)));
        }
    }

    fn name(&mut self, old: &Schema, new: &Schema) {
        self.compare(
            "catalogue",
            [old, new].map(|s| s.full_name()).each_ref(),
            Effect::Api,
            String::clone,
        );
    }

    fn fields(&mut self, old: &Schema, new: &Schema) {
        let path = |field: &Field| format!("schema.delta_fields.{}", field.name);
        let [of_old, of_new] = [old, new].map(by_name);
        let is_kept = |field: &&Field| of_new.contains_key(&*field.name);
        let is_old = |field: &&Field| of_old.contains_key(&*field.name);
        for field in old.fields.iter().filter(|field| !is_kept(field)) {
            self.add(Effect::Layout, &path(field), "the field is gone".into());
        }
        let names = |field: &'_ Field| field.name.clone();
        let before = old.fields.iter().filter(is_kept).map(names);
        if before.ne(new.fields.iter().filter(is_old).map(names)) {
            let message = "the fields have another order".to_string();
            self.add(Effect::Layout, "schema.delta_fields", message);
        }
        let last = new.fields.iter().rposition(|field| is_old(&field));
        for (at, field) in new.fields.iter().enumerate() {
            match of_old.get(&*field.name) {
                Some(before) => self.field(&path(field), before, field),
                // Objects lie one after another, so that each moves when one grows.
                None => {
                    let place = if last.is_some_and(|last| at < last) {
                        "between"
                    } else {
                        "behind"
                    };
                    let message = format!("a new field {place} the others moves what follows");
                    self.add(Effect::Layout, &path(field), message);
                }
            }
        }
    }

    fn field(&mut self, path: &str, old: &Field, new: &Field) {
        let key = |key: &str| format!("{path}.{key}");
        let name = |text: &&'static str| text.to_string();
        let layout = Effect::Layout;
        self.compare(
            &key("width"),
            [&old.width, &new.width],
            layout,
            u32::to_string,
        );
        let encodings = [old, new].map(|field| field.encoding.name());
        self.compare(&key("encoding"), encodings.each_ref(), layout, name);
        let kinds = [old, new].map(|field| field.kind.name());
        self.compare(&key("type"), kinds.each_ref(), Effect::Api, name);
        // Messages of another compression are refused.
        let compressions = [old, new].map(|field| field.compression.name());
        self.compare(&key("compression"), compressions.each_ref(), layout, name);
        self.compare(
            &key("default_value"),
            [&old.default, &new.default],
            Effect::Api,
            |value| format!("{value:#x}"),
        );
    }

    fn operations(&mut self, old: &Schema, new: &Schema) {
        let [before, after] = [old, new].map(|schema| schema.operations);
        let path = "schema.operations";
        let cycles = "latency_cycles";
        let accumulate = [&before.accumulate, &after.accumulate];
        let at = format!("{path}.accumulate.{cycles}");
        self.compare(&at, accumulate, Effect::Api, u32::to_string);
        match (before.reconstruct, after.reconstruct) {
            (Some(a), Some(b)) => {
                let at = format!("{path}.reconstruct.{cycles}");
                self.compare(&at, [&a, &b], Effect::Api, u32::to_string);
            }
            (a, b) => self.presence(&format!("{path}.reconstruct"), a.is_some(), b.is_some()),
        }
        match (before.rollback, after.rollback) {
            (Some(a), Some(b)) => {
                let effect = if b < a { Effect::Api } else { Effect::Addition };
                let at = format!("{path}.rollback.history_depth");
                self.compare(&at, [&a, &b], effect, u32::to_string);
            }
            (a, b) => self.presence(&format!("{path}.rollback"), a.is_some(), b.is_some()),
        }
    }

    fn presence(&mut self, path: &str, before: bool, after: bool) {
        match (before, after) {
            (true, false) => self.add(Effect::Api, path, "the operation is gone".into()),
            (false, true) => self.add(Effect::Addition, path, "a new operation".into()),
            _ => {}
        }
    }

    fn rest(&mut self, old: &Schema, new: &Schema) {
        let text = |text: &Option<String>| match text {
            Some(text) => crate::problem::quoted(text),
            None => "nothing".into(),
        };
        let catalogue = [&old.catalogue, &new.catalogue];
        for (key, [old, new]) in [
            ("author", catalogue.map(|catalogue| &catalogue.author)),
            ("license", catalogue.map(|catalogue| &catalogue.license)),
            (
                "description",
                catalogue.map(|catalogue| &catalogue.description),
            ),
        ] {
            self.compare(&format!("catalogue.{key}"), [old, new], Effect::None, text);
        }
        if old.constraints != new.constraints {
            self.add(
                Effect::None,
                "schema.constraints",
                "other constraints".into(),
            );
        }
        if old.hardware != new.hardware {
            self.add(Effect::None, "hardware", "another hardware".into());
        }
    }
}
