// SPDX-License-Identifier: MIT OR Apache-2.0

//! The vectors in the process: they are the model's, they hold, and a changed one doesn't.

use atomik_vectors::check::{InProcess, Report, check};
use atomik_vectors::format::File;
use atomik_vectors::{FILES, change, generate, readme};

#[test]
fn the_files_are_what_the_model_says() {
    let made = generate::all();
    assert_eq!(made.len(), FILES.len());
    for ((name, file), (committed, text)) in made.iter().zip(FILES) {
        assert_eq!(*name, committed);
        assert!(
            file.text() == text,
            "{name}.json is out of date: `make vectors` writes it"
        );
    }
}

#[test]
fn the_vectors_hold_in_the_process() {
    let reports = FILES.map(|(name, text)| {
        let report = File::parse(text).and_then(|file| check(&InProcess, &file));
        let report = report.unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
        assert_eq!(report.skipped, 0, "{name}");
        report.held
    });
    // In the order of `FILES`.
    assert_eq!(reports, [19, 28, 25, 25, 15, 50, 58, 15, 4, 33]);
}

#[test]
fn a_vector_that_is_changed_fails() {
    for (name, text) in FILES {
        let file = serde_json::from_str(text).unwrap();
        let changes = change::expectations(&file);
        println!("{name}: {} changes", changes.len());
        assert!(changes.len() > 10, "{name}: {}", changes.len());
        for change in changes {
            let report = check(&InProcess, &change.case(&file).unwrap());
            assert!(report.is_err(), "{name}: {report:?} of {change:?}");
        }
    }
}

#[test]
fn the_lines_of_the_readme() {
    readme::in_the_process().unwrap();
}

#[test]
fn what_is_not_described_is_refused() {
    let check = |text: &str| check(&InProcess, &File::parse(text)?);
    let file = |format: u32, kind: &str, step: &str| {
        format!(
            r#"{{"format": {format}, "kind": "{kind}", "about": "", "cases": [
                {{"name": "a", "width": 64, "steps": [{step}]}}]}}"#
        )
    };
    let read = r#"{"op": "read", "expect": "0x0"}"#;
    let one = Report {
        held: 1,
        skipped: 0,
    };
    assert_eq!(check(&file(1, "context", read)), Ok(one));
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
        (1, "context", r#"{"op": "read", "expect": 0}"#),
        (1, "context", r#"{"op": "swap", "expect": "0x0"}"#),
        (
            1,
            "fingerprint",
            r#"{"op": "load", "data": "abc", "expect": "0x0"}"#,
        ),
    ] {
        let file = file(format, kind, step);
        assert!(check(&file).is_err(), "{file}");
    }
    let good = file(1, "context", read);
    for (field, other) in [
        ("\"about\"", "\"abuot\""),
        ("\"width\": 64,", ""),
        ("\"width\"", "\"more\": 1, \"width\""),
    ] {
        let file = good.replacen(field, other, 1);
        assert!(check(&file).is_err(), "{file}");
    }
    // A table's case has one field more.
    let table =
        |step: &str| file(1, "table", step).replacen("\"width\"", "\"contexts\": 1, \"width\"", 1);
    assert_eq!(
        check(&table(r#"{"op": "read", "addr": 0, "expect": "0x0"}"#)),
        Ok(one)
    );
    for step in [
        r#"{"op": "read", "addr": 0}"#,
        r#"{"op": "read", "addr": 1, "error": "weather"}"#,
        r#"{"op": "batch", "entries": [{"op": "read", "addr": 0}]}"#,
    ] {
        let file = table(step);
        assert!(check(&file).is_err(), "{file}");
    }
}
