// SPDX-License-Identifier: MIT OR Apache-2.0

//! The vectors in the process: they are what the model says, they hold, and one that was changed doesn't.

use atomik_vectors::run::{Process, Report, run};
use atomik_vectors::{FILES, generate, readme, spoil};

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
    assert_eq!(reports, [19, 19, 13, 25, 50, 15, 4, 33]);
}

#[test]
fn a_vector_that_is_changed_fails() {
    for (name, text) in FILES {
        let files = spoil::each_expectation(text, &[]).unwrap();
        assert!(files.len() > 10, "{name}: {}", files.len());
        for file in files {
            let report = run(&Process, &file);
            assert!(report.is_err(), "{name}: {report:?} of {file}");
        }
    }
}

#[test]
fn the_lines_of_the_readme() {
    readme::in_the_process().unwrap();
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
