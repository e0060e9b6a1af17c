// SPDX-License-Identifier: MIT OR Apache-2.0
//! The JSON Schema says the same as `check`. Another reader of it, Python's, is asked.

mod cases;

use std::io::Write;
use std::process::{Command, Stdio};

use atomik_sdk_generator::json_schema;

/// The mistakes that the JSON Schema finds in each document. It is one of draft 7, which is checked
/// first.
fn mistakes(documents: &[String]) -> Vec<Vec<String>> {
    let mut child = Command::new("python3")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/json_schema.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3");
    let input = format!("[{},{}]", json_schema(), documents.join(","));
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "python3-jsonschema");
    let found: Vec<_> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found.len(), documents.len());
    found
}

/// As editors read it that allow comments; nothing where it is no JSON.
fn read(text: &str) -> Option<String> {
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let text = lines.collect::<Vec<_>>().join("\n");
    let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
    is_json.then_some(text)
}

#[test]
fn right_schemas() {
    let mut texts = cases::right();
    texts.push(atomik_sdk_generator::init("Video.Stream.H264Delta").unwrap());
    let documents: Vec<_> = texts.iter().map(|text| read(text).unwrap()).collect();
    for (text, mistakes) in texts.iter().zip(mistakes(&documents)) {
        assert!(mistakes.is_empty(), "{text}\n{mistakes:?}");
    }
}

#[test]
fn wrong_schemas() {
    let wrong = cases::wrong();
    let documents = wrong.iter().filter_map(|wrong| read(&wrong.text));
    let mut found = mistakes(&documents.collect::<Vec<_>>()).into_iter();
    let mut unseen = 0;
    for wrong in &wrong {
        let valid = read(&wrong.text).is_some() && found.next().unwrap().is_empty();
        assert_eq!(!valid, wrong.for_editors, "{}", wrong.text);
        unseen += usize::from(valid);
    }
    // SPDX (2), collisions (3), memory, keys that are there twice (2).
    assert_eq!(unseen, 8);
}
