// SPDX-License-Identifier: MIT OR Apache-2.0

//! Runs files of vectors against the crate `atomik`, in some [`Place`].

mod context;
mod errors;
mod expectation;
mod fingerprint;
mod message;
mod place;
mod stream;
mod table;

pub use place::{OnDevice, Place, Process};

use crate::format::{self, Body, File};

/// Cases of a file: how many went as they should, and how many this place can't do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub ran: usize,
    pub skipped: usize,
}

/// Runs all cases of a file that this place can do.
///
/// # Errors
///
/// What is wrong: with the file, or with the first case that doesn't go as it should.
pub fn run(place: &impl Place, text: &str) -> Result<Report, String> {
    match File::parse(text)? {
        File::Context(body) => cases(body, |case| context::run(place, case)),
        File::Table(body) | File::Batch(body) => cases(body, |case| table::run(place, case)),
        File::Stream(body) => cases(body, |case| stream::run(place, case)),
        File::Message(body) => cases(body, |case| message::run(place, case)),
        File::Fingerprint(body) => cases(body, |case| fingerprint::run(place, case)),
        File::OrderedFingerprint(body) => cases(body, |case| fingerprint::run_ordered(place, case)),
        File::Errors(body) => cases(body, |case| errors::run(place, case)),
    }
}

/// A case's result: whether it was run, or what is wrong.
type Outcome = Result<bool, String>;

fn cases<C: format::Named>(body: Body<C>, run: impl Fn(&C) -> Outcome) -> Result<Report, String> {
    let mut report = Report::default();
    for case in &body.cases {
        match run(case) {
            Ok(true) => report.ran += 1,
            Ok(false) => report.skipped += 1,
            Err(wrong) => return Err(format!("{}: {wrong}", case.name())),
        }
    }
    Ok(report)
}

/// Does the steps of a case one after another.
fn steps<S>(steps: &[S], mut step: impl FnMut(&S) -> Result<(), String>) -> Outcome {
    for (i, s) in steps.iter().enumerate() {
        step(s).map_err(|wrong| format!("step {i}: {wrong}"))?;
    }
    Ok(true)
}
