// SPDX-License-Identifier: MIT OR Apache-2.0

//! Vectors with one thing changed, which show that a check of vectors looks at everything.
//!
//! Each check must refuse each of the [`expectations`]; of the [`operands`], many.

use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::format::File;

/// A change of one step, or of a case that has no steps.
#[derive(Debug, Serialize)]
pub struct Change {
    /// The case's number in its file.
    pub case: usize,
    /// The step's number in its case.
    pub step: Option<usize>,
    /// The field that is another, there or in an entry of a batch.
    pub field: String,
    /// Takes the place of the step, or of the case.
    with: Json,
}

impl Change {
    /// A file of the changed case, which ends with the changed step.
    ///
    /// # Errors
    ///
    /// Says why the format doesn't allow it.
    pub fn case(&self, of: &Json) -> Result<File, String> {
        let before = self.step.unwrap_or_default();
        self.file(of, &array(&of["cases"][self.case]["steps"])[..before])
    }

    /// A file of the changed step, as if it were the only one of its case.
    ///
    /// # Errors
    ///
    /// Says why the format doesn't allow it.
    pub fn step(&self, of: &Json) -> Result<File, String> {
        self.file(of, &[])
    }

    fn file(&self, of: &Json, before: &[Json]) -> Result<File, String> {
        let mut case = self.with.clone();
        if self.step.is_some() {
            let fields = of["cases"][self.case].as_object().into_iter().flatten();
            let fields = fields.filter(|(field, _)| *field != "steps");
            case = Json::Object(
                fields
                    .map(|(f, value)| (f.clone(), value.clone()))
                    .collect(),
            );
            case["steps"] = [before, std::slice::from_ref(&self.with)].concat().into();
        }
        let file = json!({"kind": of["kind"], "format": 1, "about": "", "cases": [case]});
        serde_json::from_value(file).map_err(|error| error.to_string())
    }
}

/// Each thing that a file expects, changed by itself: a value, and whether there is an error.
pub fn expectations(file: &Json) -> Vec<Change> {
    each(file, expectations_of)
}

/// Each value that a file hands in, changed by itself; one in each batch.
pub fn operands(file: &Json) -> Vec<Change> {
    each(file, |_, object| operands_of(object))
}

/// An object with a change, and the field's name.
type Changed = (String, Json);

fn each(file: &Json, changes: impl Fn(&str, &Json) -> Vec<Changed>) -> Vec<Change> {
    let kind = file["kind"].as_str().unwrap_or_default();
    let mut all = vec![];
    for (number, case) in array(&file["cases"]).iter().enumerate() {
        let mut add = |step, object| {
            let changes = changes(kind, object).into_iter();
            all.extend(changes.map(|(field, with)| Change {
                case: number,
                step,
                field,
                with,
            }));
        };
        match &case["steps"] {
            Json::Null => add(None, case),
            steps => (array(steps).iter().enumerate()).for_each(|(i, step)| add(Some(i), step)),
        }
    }
    all
}

fn array(json: &Json) -> &[Json] {
    json.as_array().map_or(&[], Vec::as_slice)
}

fn expectations_of(kind: &str, object: &Json) -> Vec<Changed> {
    let op = object["op"].as_str().unwrap_or_default();
    let fails = object["error"].is_string() || object["canceled"].is_object();
    let mut all = vec![];
    for (field, value) in object.as_object().into_iter().flatten() {
        let others = match field.as_str() {
            "name" | "op" => vec![],
            "addr" if op == "words" => vec![],
            "expect" | "canceled" => others(op, value),
            "error" if fails => vec![other_error(value)],
            // Bytes that are no message are none in many ways, and so is the beginning of one.
            "bytes" if fails || object["left"].as_u64() > Some(0) => vec![],
            "messages" if kind == "packet" => [inner(value), fewer(value)].concat(),
            _ if matches!(kind, "message" | "packet") || op == "words" => others(op, value),
            _ => vec![],
        };
        all.extend(replace(object, field, others));
    }
    all.extend(in_entries(object, |entry| {
        replace(entry, "expect", inner(&entry["expect"]))
    }));
    let may_fail = match kind {
        "table" | "batch" => !matches!(op, "snapshot" | "words"),
        "stream" | "state" => matches!(op, "load" | "accum" | "read" | "apply" | "join"),
        "ordered_fingerprint" => op == "accumulate_delta",
        _ => kind == "errors",
    };
    if may_fail {
        if fails {
            all.push(("error".into(), succeeding(object)));
        }
        if !object["error"].is_string() {
            all.push(("error".into(), failing(object)));
        }
    }
    all
}

fn operands_of(object: &Json) -> Vec<Changed> {
    if object["op"] == "words" {
        return vec![];
    }
    let of = |object: &Json| {
        let fields = [
            "value",
            "delta",
            "new_reference",
            "current",
            "data",
            "old",
            "new",
        ]
        .into_iter();
        let changes = fields.flat_map(|field| match &object[field] {
            value @ Json::String(text) if !text.is_empty() => replace(object, field, inner(value)),
            _ => vec![],
        });
        changes.collect::<Vec<_>>()
    };
    let mut all = of(object);
    // One of a batch is enough: its entries are handed in alike.
    all.extend(in_entries(object, of).into_iter().next());
    all
}

/// Copies of an object, each with another value of one field.
fn replace(object: &Json, field: &str, values: Vec<Json>) -> Vec<Changed> {
    let change = |value| {
        let mut object = object.clone();
        object[field] = value;
        (field.to_owned(), object)
    };
    values.into_iter().map(change).collect()
}

/// Copies of a batch, each with a change of one entry.
fn in_entries(batch: &Json, changes: impl Fn(&Json) -> Vec<Changed>) -> Vec<Changed> {
    let mut all = vec![];
    for (i, entry) in array(&batch["entries"]).iter().enumerate() {
        for (field, entry) in changes(entry) {
            let mut batch = batch.clone();
            batch["entries"][i] = entry;
            all.push((field, batch));
        }
    }
    all
}

/// The same operation, expected to fail.
fn failing(object: &Json) -> Json {
    let mut object = object.clone();
    let expects_nothing = |object: &mut Json| object.as_object_mut()?.remove("expect");
    expects_nothing(&mut object);
    object
        .as_object_mut()
        .map(|fields| fields.remove("canceled"));
    entries_of(&mut object).for_each(|entry| {
        expects_nothing(entry);
    });
    // An object that can't be made has no address.
    let error = if object["op"].is_null() {
        "width"
    } else {
        "address"
    };
    object["error"] = error.into();
    object
}

/// The same operation, expected to succeed.
fn succeeding(object: &Json) -> Json {
    let mut object = object.clone();
    if object["op"].is_null() {
        object["error"] = Json::Null;
        return object;
    }
    let expects_something = |object: &mut Json| match object["op"].as_str() {
        Some("read" | "swap") => object["expect"] = "0x0".into(),
        Some("compare_exchange") => object["expect"] = json!({"exchanged": true, "state": "0x0"}),
        Some("apply") => object["expect"] = "applied".into(),
        _ => {}
    };
    object.as_object_mut().map(|fields| {
        fields.remove("error");
        fields.remove("canceled")
    });
    expects_something(&mut object);
    entries_of(&mut object).for_each(expects_something);
    object
}

fn entries_of(batch: &mut Json) -> impl Iterator<Item = &mut Json> {
    let entries = batch.get_mut("entries").and_then(Json::as_array_mut);
    entries.into_iter().flatten()
}

fn other_error(error: &Json) -> Json {
    if error == "address" {
        "width"
    } else {
        "address"
    }
    .into()
}

/// Other values of the same form, for what an operation must return.
fn others(op: &str, value: &Json) -> Vec<Json> {
    let Json::Array(items) = value else {
        return inner(value);
    };
    let mut all = [inner(value), fewer(value)].concat();
    // A message's number, or an address and a state.
    let more = match op {
        "pending" => json!(0),
        _ => json!([u32::MAX, "0x1"]),
    };
    all.push([items.as_slice(), &[more]].concat().into());
    all
}

/// A list without one of its items.
fn fewer(list: &Json) -> Vec<Json> {
    let items = array(list);
    let without = |i| [&items[..i], &items[i + 1..]].concat().into();
    (0..items.len()).map(without).collect()
}

/// Each part of a value, changed by itself.
fn inner(value: &Json) -> Vec<Json> {
    match value {
        Json::Null => vec![],
        Json::Bool(truth) => vec![(!truth).into()],
        Json::Number(number) => vec![(number.as_u64().unwrap_or_default() ^ 1).into()],
        Json::String(text) => vec![other_text(text).into()],
        Json::Array(items) => {
            let change = |(i, item): (usize, &Json)| {
                let with = |item| {
                    let mut items = items.clone();
                    items[i] = item;
                    items.into()
                };
                inner(item).into_iter().map(with).collect::<Vec<_>>()
            };
            items.iter().enumerate().flat_map(change).collect()
        }
        Json::Object(fields) => {
            let change = |(field, part): (&String, &Json)| replace(value, field, inner(part));
            let changed = fields.iter().flat_map(change);
            changed.map(|(_, object)| object).collect()
        }
    }
}

/// Another answer of a stream, or digits of which the last is another.
fn other_text(text: &str) -> String {
    match text {
        "applied" => "duplicate".into(),
        "duplicate" | "waiting" => "applied".into(),
        digits => {
            let mut digits = digits.to_owned();
            let last = digits.pop().and_then(|last| last.to_digit(16));
            let other = last.and_then(|last| char::from_digit(last ^ 1, 16));
            digits.push(other.unwrap_or('0'));
            digits
        }
    }
}
