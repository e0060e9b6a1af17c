// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`wrong`] vectors, which must fail: the right ones with one thing changed.

use crate::{Place, Script};
use serde_json::{Value as Json, json};
use std::rc::Rc;

/// A case with one thing changed. Its texts are made when they are asked for: there are thousands of these.
#[derive(Debug)]
pub struct Wrong {
    /// What was changed.
    pub what: String,
    /// A file of this case alone, but for the case.
    file: Rc<Json>,
    case: Rc<Json>,
    pointer: String,
    field: String,
    /// None where the field goes.
    value: Option<Json>,
}

impl Wrong {
    /// A file of this case alone.
    pub fn text(&self) -> String {
        let mut case = Json::clone(&self.case);
        if let Some(Json::Object(object)) = case.pointer_mut(&self.pointer) {
            match &self.value {
                Some(value) => object.insert(self.field.clone(), value.clone()),
                None => object.remove(&self.field),
            };
            // An error or a state is expected, not both.
            if self.field == "error" && object.contains_key("error") {
                object.remove("expect");
            } else if self.field == "error"
                && matches!(object["op"].as_str(), Some("read" | "swap"))
            {
                object.insert("expect".into(), "0x0".into());
            }
        }
        alone(&self.file, &case)
    }

    /// The same as it was.
    pub fn right(&self) -> String {
        alone(&self.file, &self.case)
    }
}

fn alone(file: &Json, case: &Json) -> String {
    json!({"format": file["format"], "kind": file["kind"], "about": "", "cases": [case]})
        .to_string()
}

/// All vectors of a file that run there, each with one thing changed of what must come out: a value, or whether
/// there is an error.
pub fn wrong(text: &str, place: Place) -> Result<Vec<Wrong>, String> {
    let mut file: Json = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let Json::Array(cases) = file["cases"].take() else {
        return Err("there are no cases".into());
    };
    let file = Rc::new(file);
    let mut all = vec![];
    for case in cases {
        if Script::new(&alone(&file, &case), place)?.ran == 0 {
            continue;
        }
        let case = Rc::new(case);
        for pointer in objects(&case) {
            let object = case.pointer(&pointer).unwrap_or(&Json::Null);
            let step = !pointer.contains("entries");
            for (field, value) in changes(&case, object, step) {
                all.push(Wrong {
                    what: format!("{} {pointer}/{field}", case["name"]),
                    file: Rc::clone(&file),
                    case: Rc::clone(&case),
                    pointer: pointer.clone(),
                    field,
                    value,
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

/// The fields of a step, or of a batch's entry, that say what must come out, each with another value, or without it.
fn changes(case: &Json, object: &Json, step: bool) -> Vec<(String, Option<Json>)> {
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
    } else if matches!(
        object["op"].as_str(),
        Some("load" | "accum" | "read" | "swap" | "accum_many")
    ) && case.get("contexts").is_some()
        && step
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
