// SPDX-License-Identifier: MIT OR Apache-2.0
//! The JSON Schema says the same as `check`.

mod cases;

use atomik_sdk_generator::json_schema;
use jsonschema::Validator;
use serde_json::Value;

fn validator() -> Validator {
    let schema: Value = serde_json::from_str(&json_schema()).unwrap();
    jsonschema::draft7::new(&schema).unwrap()
}

/// As editors read it that allow comments.
fn read(text: &str) -> Option<Value> {
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    serde_json::from_str(&lines.collect::<Vec<_>>().join("\n")).ok()
}

#[test]
fn it_is_a_json_schema() {
    let schema: Value = serde_json::from_str(&json_schema()).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
}

#[test]
fn right_schemas() {
    let validator = validator();
    for text in cases::right() {
        let value = read(&text).unwrap();
        let errors: Vec<_> = validator
            .iter_errors(&value)
            .map(|e| e.to_string())
            .collect();
        assert!(errors.is_empty(), "{text}\n{errors:?}");
    }
    let start = atomik_sdk_generator::init("Video.Stream.H264Delta").unwrap();
    assert!(validator.is_valid(&read(&start).unwrap()));
}

#[test]
fn wrong_schemas() {
    let validator = validator();
    let mut unseen = 0;
    for wrong in cases::wrong() {
        let valid = read(&wrong.text).is_some_and(|value| validator.is_valid(&value));
        assert_eq!(!valid, wrong.for_editors, "{}", wrong.text);
        unseen += usize::from(valid);
    }
    // SPDX (2), collisions (3), memory, keys that are there twice (2).
    assert_eq!(unseen, 8);
}
