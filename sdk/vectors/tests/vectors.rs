// SPDX-License-Identifier: MIT OR Apache-2.0

//! The vectors in the process: they are what the model says, they hold, and one that was changed doesn't.

use atomik_vectors::run::{Process, Report, run};
use atomik_vectors::{FILES, generate};
use serde_json::Value as Json;

#[test]
fn the_files_are_what_the_model_says() {
    let made = generate::all();
    assert_eq!(made.len(), FILES.len());
    for ((name, text), (file, committed)) in made.iter().zip(FILES) {
        assert_eq!(*name, file);
        assert!(
            text == committed,
            "{name}.json is another: `make vectors` writes it"
        );
    }
}

#[test]
fn the_vectors_hold_in_the_process() {
    let reports = FILES.map(|(name, text)| {
        let report = run(&Process, text).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
        assert_eq!(report.skipped, 0, "{name}");
        report.ran
    });
    // In the order of `FILES`.
    assert_eq!(reports, [19, 19, 13, 20, 49, 15, 4, 29]);
}

/// Everything that is expected in a case, one place after another, changed.
fn changed(json: &Json) -> Vec<Json> {
    match json {
        Json::String(text) => vec![other(text)],
        Json::Bool(b) => vec![Json::Bool(!b)],
        Json::Number(n) => vec![Json::from(n.as_u64().unwrap() ^ 1)],
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
        Json::Object(_) => expectations(json, true),
    }
}

/// Another text of the same kind.
fn other(text: &str) -> Json {
    let words = ["applied", "duplicate", "waiting", "address", "width"];
    if words.contains(&text)
        || ["count", "lengths", "change", "stale_epoch", "message"].contains(&text)
    {
        let rest: Vec<_> = words.iter().filter(|word| **word != text).collect();
        return Json::from(*rest[0]);
    }
    let (rest, last) = text.split_at(text.len() - 1);
    let last = if last == "1" { "2" } else { "1" };
    Json::from(format!("{rest}{last}"))
}

/// Fields that say what an operation must result in.
const EXPECTED: [&str; 9] = [
    "expect",
    "error",
    "is_clean",
    "delta_count",
    "accumulator",
    "changed",
    "seq",
    "epoch",
    "bytes",
];

/// The object with one of its expectations changed, for each; with all of its fields where they all
/// are expectations.
fn expectations(object: &Json, all: bool) -> Vec<Json> {
    let fields = object.as_object().unwrap();
    let words = fields.get("op").is_some_and(|op| op == "words");
    let mut results = vec![];
    for (name, field) in fields {
        // Bytes that are no message are none in many ways.
        if name == "bytes" && fields.contains_key("error") {
            continue;
        }
        let expected = all || (words && name != "op") || EXPECTED.contains(&name.as_str());
        let nested = name == "entries";
        let changes = match field {
            // A batch's entries.
            Json::Array(entries) if nested => {
                let mut all = vec![];
                for (i, entry) in entries.iter().enumerate() {
                    for entry in expectations(entry, false) {
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

/// All cases of a file with one expectation changed: each as a file of that case alone.
fn spoilt(text: &str) -> Vec<String> {
    let file: Json = serde_json::from_str(text).unwrap();
    let mut files = vec![];
    for case in file["cases"].as_array().unwrap() {
        let cases = match case.get("steps") {
            None => expectations(case, false),
            Some(steps) => {
                let mut cases = vec![];
                for (i, step) in steps.as_array().unwrap().iter().enumerate() {
                    for step in expectations(step, false) {
                        let mut case = case.clone();
                        // What follows doesn't matter.
                        let steps = case["steps"].as_array_mut().unwrap();
                        steps[i] = step;
                        steps.truncate(i + 1);
                        cases.push(case);
                    }
                }
                cases
            }
        };
        for case in cases {
            let mut file = file.clone();
            file["cases"] = Json::Array(vec![case]);
            files.push(file.to_string());
        }
    }
    files
}

#[test]
fn a_vector_that_is_changed_fails() {
    for (name, text) in FILES {
        let files = spoilt(text);
        assert!(files.len() > 10, "{name}: {}", files.len());
        for file in files {
            let report = run(&Process, &file);
            assert!(report.is_err(), "{name}: {report:?} of {file}");
        }
    }
}

#[test]
fn what_is_not_described_is_refused() {
    let file = |format: u32, kind: &str, step: &str| {
        format!(
            r#"{{"format": {format}, "kind": "{kind}", "about": "", "cases": [
                {{"name": "a", "width": 64, "steps": [{step}]}}]}}"#
        )
    };
    let read = r#"{"op": "read", "expect": "0x0"}"#;
    let one = Report { ran: 1, skipped: 0 };
    assert_eq!(run(&Process, &file(1, "context", read)), Ok(one));
    for (format, kind, step) in [
        (2, "context", read),
        (1, "contexts", read),
        (1, "context", r#"{"op": "reed", "expect": "0x0"}"#),
        (
            1,
            "context",
            r#"{"op": "read", "expect": "0x0", "error": null}"#,
        ),
        (1, "context", r#"{"op": "read"}"#),
        (1, "context", r#"{"op": "read", "expect": "0x00"}"#),
        (1, "context", r#"{"op": "read", "expect": "0"}"#),
        (1, "context", r#"{"op": "swap", "expect": "0x0"}"#),
    ] {
        let file = file(format, kind, step);
        assert!(run(&Process, &file).is_err(), "{file}");
    }
}
