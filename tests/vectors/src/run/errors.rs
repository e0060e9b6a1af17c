// SPDX-License-Identifier: MIT OR Apache-2.0

//! Runs vectors of what can't be made.

use atomik::{DeltaStream, Error, Fingerprint, LocalContext};

use super::expectation::done;
use super::{Outcome, Place};
use crate::format::{ErrorCase, Make};

pub fn run<P: Place>(place: &P, case: &ErrorCase) -> Outcome {
    let contexts = case.contexts.unwrap_or_default();
    // What isn't in the process, is in a table.
    let made = match case.make {
        Make::Table if place.has(case.width) => place.table(contexts, case.width).map(drop),
        Make::Stream if place.has(case.width) => (place.table(contexts, case.width))
            .and_then(|table| DeltaStream::on(table, 1).map(drop)),
        Make::Context if P::PROCESS => {
            (LocalContext::new(case.width).map(drop)).map_err(Error::from)
        }
        Make::Fingerprint if P::PROCESS => {
            (Fingerprint::with_width(case.width).map(drop)).map_err(Error::from)
        }
        _ => return Ok(false),
    };
    done(made, case.error)?;
    Ok(true)
}
