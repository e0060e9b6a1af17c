// SPDX-License-Identifier: MIT OR Apache-2.0

//! Compares what happened with what is expected.

use std::fmt::Display;

use atomik::{Error, LocalError, Result};

use crate::format::Wrong;

/// Compares two results by what they print.
pub fn same(
    what: &str,
    found: impl Display,
    expected: impl Display,
) -> std::result::Result<(), String> {
    let (found, expected) = (found.to_string(), expected.to_string());
    if found == expected {
        Ok(())
    } else {
        Err(format!("{what} is {found}, expected {expected}"))
    }
}

/// Compares what an operation returned with what it should: a result or an error.
pub fn returned<T: Display, E: Display>(
    found: Result<T>,
    expected: Option<E>,
    error: Option<Wrong>,
) -> std::result::Result<(), String> {
    match (found, expected, error) {
        (Ok(found), Some(expected), None) => same("the result", found, expected),
        (Err(found), None, Some(error)) => same_error(&found, error),
        (_, Some(_), Some(_)) | (_, None, None) => {
            Err("the step expects nothing, or too much".into())
        }
        (Ok(found), None, Some(error)) => {
            Err(format!("returned {found}, expected the error {error:?}"))
        }
        (Err(found), Some(expected), None) => Err(format!("{found}; expected {expected}")),
    }
}

/// Compares an operation that returns nothing.
pub fn done<T>(found: Result<T>, error: Option<Wrong>) -> std::result::Result<(), String> {
    let expected = error.is_none().then_some("done");
    returned(found.map(|_| "done"), expected, error)
}

fn same_error(found: &Error, error: Wrong) -> std::result::Result<(), String> {
    let kind = match found {
        Error::Address { .. } => Wrong::Address,
        Error::InvalidCount { .. } | Error::Local(LocalError::NoContexts) => Wrong::Count,
        Error::Local(LocalError::InvalidWidth { .. } | LocalError::Width { .. }) => Wrong::Width,
        Error::Local(LocalError::Lengths { .. }) => Wrong::Lengths,
        Error::Local(LocalError::Change { .. }) => Wrong::Change,
        Error::Local(LocalError::StaleEpoch { .. }) => Wrong::StaleEpoch,
        Error::Local(LocalError::NeverSent { .. }) => Wrong::NeverSent,
        other => return Err(other.to_string()),
    };
    if kind == error {
        Ok(())
    } else {
        Err(format!("{found}; expected the error {error:?}"))
    }
}
