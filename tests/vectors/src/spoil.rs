// SPDX-License-Identifier: MIT OR Apache-2.0

//! Changes vectors by hand, so to speak, to see that a runner looks at all of them.

use serde_json::{Error, Value as Json};

/// Fields that say what an operation must result in.
const EXPECTED: [&str; 5] = ["expect", "error", "seq", "epoch", "bytes"];

/// What a stream answers.
const RESULTS: [&str; 3] = ["applied", "duplicate", "waiting"];
/// Kinds of errors.
const ERRORS: [&str; 8] = [
    "address",
    "width",
    "count",
    "lengths",
    "change",
    "stale_epoch",
    "never_sent",
    "message",
];

/// Files of one case each, of which one expectation was changed: for each expectation in a file, but those in fields
/// that the runner doesn't know.
///
/// # Errors
///
/// Where the file isn't JSON.
pub fn each_expectation(text: &str, unknown: &[&str]) -> Result<Vec<String>, Error> {
    let file: Json = serde_json::from_str(text)?;
    let mut files = vec![];
    for case in file["cases"].as_array().into_iter().flatten() {
        let cases = match case.get("steps").and_then(Json::as_array) {
            None => expectations(case, false, unknown),
            Some(steps) => {
                let mut cases = vec![];
                for (i, step) in steps.iter().enumerate() {
                    for step in expectations(step, false, unknown) {
                        // What follows doesn't matter.
                        let mut steps = steps[..i].to_vec();
                        steps.push(step);
                        let mut case = case.clone();
                        case["steps"] = steps.into();
                        cases.push(case);
                    }
                }
                cases
            }
        };
        for case in cases {
            let kind = &file["kind"];
            files.push(format!(
                r#"{{"format": 1, "kind": {kind}, "about": "", "cases": [{case}]}}"#
            ));
        }
    }
    Ok(files)
}

/// The object with one of its expectations changed, for each; with all of its fields where they all
/// are expectations.
fn expectations(object: &Json, all: bool, unknown: &[&str]) -> Vec<Json> {
    let Some(fields) = object.as_object() else {
        return vec![];
    };
    let words = fields.get("op").is_some_and(|op| op == "words");
    let mut results = vec![];
    for (name, field) in fields {
        // Bytes that are no message are none in many ways.
        let vague = name == "bytes" && fields.contains_key("error");
        if vague || unknown.contains(&name.as_str()) {
            continue;
        }
        let expected = all || (words && name != "op") || EXPECTED.contains(&name.as_str());
        let nested = name == "entries";
        let changes = match field {
            // A batch's entries.
            Json::Array(entries) if nested => {
                let mut all = vec![];
                for (i, entry) in entries.iter().enumerate() {
                    for entry in expectations(entry, false, unknown) {
                        let mut entries = entries.clone();
                        entries[i] = entry;
                        all.push(Json::Array(entries));
                    }
                }
                all
            }
            field if expected => changed(field),
            _ => vec![],
        };
        for change in changes {
            let mut object = object.clone();
            object[name] = change;
            results.push(object);
        }
    }
    results
}

/// Everything that is expected in a case, one place after another, changed.
fn changed(json: &Json) -> Vec<Json> {
    match json {
        Json::String(text) => vec![other(text)],
        Json::Bool(b) => vec![Json::Bool(!b)],
        Json::Number(n) => n.as_u64().map(|n| Json::from(n ^ 1)).into_iter().collect(),
        Json::Null => vec![],
        Json::Array(array) => {
            let mut all = vec![];
            for (i, element) in array.iter().enumerate() {
                for element in changed(element) {
                    let mut array = array.clone();
                    array[i] = element;
                    all.push(Json::Array(array));
                }
                let mut fewer = array.clone();
                fewer.remove(i);
                all.push(Json::Array(fewer));
            }
            all
        }
        Json::Object(_) => expectations(json, true, &[]),
    }
}

/// Another text of the same kind.
fn other(text: &str) -> Json {
    for words in [&RESULTS[..], &ERRORS] {
        if let Some(word) = words.iter().position(|&word| word == text) {
            return words[(word + 1) % words.len()].into();
        }
    }
    let last = if text.ends_with('1') { "2" } else { "1" };
    let rest = text.get(..text.len().saturating_sub(1)).unwrap_or_default();
    format!("{rest}{last}").into()
}
