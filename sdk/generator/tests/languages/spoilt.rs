// SPDX-License-Identifier: MIT OR Apache-2.0
//! Vectors with one expectation spoilt fail in every language.

use std::thread;

use super::{TESTS, cases, directory, test};
use atomik_sdk_generator::output::write;
use atomik_sdk_generator::vectors::{Case, Step, Vectors};
use atomik_sdk_generator::{Language, Schema, Source, check, generate_with};

/// For each kind of expectation a case that ends with the first step that has it.
fn cases_of(schema: &Schema) -> Vec<Case> {
    let mut kinds = Vec::new();
    let mut cases = Vec::new();
    for case in Vectors::of(schema).cases {
        for (at, step) in case.steps.iter().enumerate() {
            let kind = match step {
                Step::Apply { error, .. } => format!("apply {error:?}"),
                step => format!("{:?}", std::mem::discriminant(step)),
            };
            if !kinds.contains(&kind) && cases::spoil(&mut step.clone()) {
                kinds.push(kind);
                let (name, steps) = (case.name.clone(), case.steps[..=at].to_vec());
                cases.push(Case { name, steps });
            }
        }
    }
    cases
}

#[test]
fn expectations() {
    let schema = check(&[Source::new("a", cases::BASE)]).unwrap().remove(0);
    let cases = cases_of(&schema);
    // All steps but load and update expect something, and apply four things.
    assert_eq!(cases.len(), 17);
    thread::scope(|scope| {
        for (language, _) in TESTS {
            let (schema, cases) = (&schema, &cases);
            scope.spawn(move || {
                let all = result(language, schema, cases.clone());
                all.unwrap_or_else(|text| panic!("{}, not spoilt: {text}", language.name()));
                for case in cases.iter().filter(|case| is_seen(language, case)) {
                    let mut case = case.clone();
                    cases::spoil(case.steps.last_mut().unwrap());
                    let step = format!("{:?}", case.steps.last());
                    let result = result(language, schema, vec![case]);
                    assert!(result.is_err(), "{}: {step} passes", language.name());
                }
            });
        }
    });
}

/// Hardware makes no messages.
fn is_seen(language: Language, case: &Case) -> bool {
    let sends = matches!(
        case.steps.last(),
        Some(Step::Accum { .. } | Step::AccumCell { .. })
    );
    language != Language::Verilog || !sends
}

fn result(language: Language, schema: &Schema, cases: Vec<Case>) -> Result<String, String> {
    let directory = directory(&format!("spoilt-{}", language.name()));
    let vectors = Vectors {
        cases,
        ..Vectors::of(schema)
    };
    let files = generate_with(std::slice::from_ref(schema), &[vectors], &[language]);
    write(&directory, &files, true).unwrap();
    test(language, &directory)
}
