// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`wrong`] vectors, which must fail: the right ones with one thing changed.

use crate::{Place, Script};
use serde_json::{Value as Json, json};

/// A case with one thing changed.
#[derive(Debug)]
pub struct Wrong {
    /// What was changed.
    pub what: String,
    /// A file of this case alone.
    pub text: String,
    /// The same as it was.
    pub right: String,
}

/// All vectors of a file that run there, each with one thing changed of what must come out: a value, or whether
/// there is an error.
pub fn wrong(text: &str, place: Place) -> Result<Vec<Wrong>, String> {
    let file: Json = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let mut all = vec![];
    for case in file["cases"].as_array().ok_or("there are no cases")? {
        let alone = |case: &Json| {
            json!({"format": file["format"], "kind": file["kind"], "about": "", "cases": [case]})
                .to_string()
        };
        let right = alone(case);
        if Script::new(&right, place)?.ran == 0 {
            continue;
        }
        for pointer in objects(case) {
            for (field, value) in changes(case, case.pointer(&pointer).unwrap_or(&Json::Null)) {
                let mut changed = case.clone();
                let Some(Json::Object(object)) = changed.pointer_mut(&pointer) else {
                    continue;
                };
                match value {
                    Some(value) => object.insert(field.clone(), value),
                    None => object.remove(&field),
                };
                // An error or a state is expected, not both.
                if field == "error" && object.contains_key("error") {
                    object.remove("expect");
                } else if field == "error" && matches!(object["op"].as_str(), Some("read" | "swap"))
                {
                    object.insert("expect".into(), "0x0".into());
                }
                all.push(Wrong {
                    what: format!("{} {pointer}/{field}", case["name"]),
                    text: alone(&changed),
                    right: right.clone(),
                });
            }
        }
    }
    Ok(all)
}

/// The pointers to what may expect something: the case itself, its steps, their entries.
fn objects(case: &Json) -> Vec<String> {
    let mut pointers = vec![String::new()];
    for (i, step) in case["steps"].as_array().into_iter().flatten().enumerate() {
        pointers.push(format!("/steps/{i}"));
        let entries = step["entries"].as_array().map_or(0, Vec::len);
        pointers.extend((0..entries).map(|j| format!("/steps/{i}/entries/{j}")));
    }
    pointers
}

/// The fields that say what must come out, each with another value, or without it.
fn changes(case: &Json, object: &Json) -> Vec<(String, Option<Json>)> {
    let mut changes = vec![];
    let mut change = |field: &str, value: Option<Json>| changes.push((field.to_owned(), value));
    if object.get("make").is_some() {
        let error = if object["error"].is_null() {
            "width".into()
        } else {
            Json::Null
        };
        change("error", Some(error));
    }
    let values: &[&str] = match object["op"].as_str() {
        Some("words") => &[
            "reference",
            "accumulator",
            "is_clean",
            "value",
            "delta",
            "changed",
        ],
        _ => &["expect"],
    };
    for field in values {
        if let Some(value) = object.get(field) {
            change(field, Some(other(value)));
        }
    }
    if object.get("op").is_some() && object.get("error").is_some() {
        change("error", None);
    } else if matches!(object["op"].as_str(), Some("load" | "accum" | "read" | "swap" | "accum_many"))
        && case.get("contexts").is_some()
        // Of a step, not of a batch's entry.
        && case["steps"].as_array().is_some_and(|steps| steps.contains(object))
    {
        change("error", Some("address".into()));
    }
    changes
}

/// Another value, of those that a vector may have.
fn other(value: &Json) -> Json {
    match value {
        Json::String(text) => {
            let mut text = text.clone();
            let last = text.pop();
            text.push(if last == Some('1') { '2' } else { '1' });
            text.into()
        }
        Json::Bool(truth) => (!truth).into(),
        Json::Array(items) => match items.split_last() {
            Some((last, others)) => {
                let mut items = others.to_vec();
                items.push(other(last));
                items.into()
            }
            None => json!([[0, "0x1"]]),
        },
        other => format!("{other} is not expected anywhere").into(),
    }
}
