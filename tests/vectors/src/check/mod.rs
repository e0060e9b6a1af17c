// SPDX-License-Identifier: MIT OR Apache-2.0

//! Holds the crate `atomik` to vectors, with tables in some [`Storage`].

mod context;
mod errors;
mod expectation;
mod fingerprint;
mod message;
mod own_methods;
mod packet;
mod storage;
mod stream;
mod table;

pub use storage::{InProcess, OnDevice, Storage};

use crate::format::{self, Body, File};

/// The numbers of cases that hold, and of those that this storage can't do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub held: usize,
    pub skipped: usize,
}

/// Does all cases of a file that this storage can do.
///
/// # Errors
///
/// Names the first case that doesn't hold, and says what is wrong.
pub fn check(storage: &impl Storage, file: &File) -> Result<Report, String> {
    match file {
        File::Context(body) => cases(body, |case| context::check(storage, case)),
        File::Table(body) | File::Batch(body) => cases(body, |case| table::check(storage, case)),
        File::Stream(body) | File::State(body) => cases(body, |case| stream::check(storage, case)),
        File::Message(body) => cases(body, |case| message::check(storage, case)),
        File::Packet(body) => cases(body, |case| packet::check(storage, case)),
        File::Fingerprint(body) => cases(body, |case| fingerprint::check(storage, case)),
        File::OrderedFingerprint(body) => {
            cases(body, |case| fingerprint::check_ordered(storage, case))
        }
        File::Errors(body) => cases(body, |case| errors::check(storage, case)),
    }
}

/// False for a case that this storage can't do; the error says what is wrong.
type Outcome = Result<bool, String>;

fn cases<C: format::Named>(
    body: &Body<C>,
    check: impl Fn(&C) -> Outcome,
) -> Result<Report, String> {
    let mut report = Report::default();
    for case in &body.cases {
        match check(case) {
            Ok(true) => report.held += 1,
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
