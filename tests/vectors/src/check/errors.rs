// SPDX-License-Identifier: MIT OR Apache-2.0

//! Checks vectors of what can't be made.

use atomik::{DeltaStream, Error, Fingerprint, LocalContext};

use super::expectation::done;
use super::{Outcome, Storage};
use crate::format::{ErrorCase, Make};

pub fn check<S: Storage>(storage: &S, case: &ErrorCase) -> Outcome {
    let contexts = case.contexts.unwrap_or_default();
    let made = match case.make {
        Make::Table if storage.has_width(case.width) => {
            storage.table(contexts, case.width).map(drop)
        }
        Make::Stream if storage.has_width(case.width) => (storage.table(contexts, case.width))
            .and_then(|table| DeltaStream::on(table, 1).map(drop)),
        Make::Context if S::PROCESS => {
            (LocalContext::new(case.width).map(drop)).map_err(Error::from)
        }
        Make::Fingerprint if S::PROCESS => {
            (Fingerprint::with_width(case.width).map(drop)).map_err(Error::from)
        }
        _ => return Ok(false),
    };
    done(made, case.error)?;
    Ok(true)
}
