// SPDX-License-Identifier: MIT OR Apache-2.0

//! Compares results with those that are expected.

use std::fmt::{Debug, Display};

use atomik::{Error, LocalError, Result};

use super::Outcome;
use crate::format::ErrorKind;

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

/// Compares the result or the error of an operation with the expected one.
pub fn returned<T: Display, E: Display>(
    found: Result<T>,
    expected: Option<E>,
    error: Option<ErrorKind>,
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
pub fn done<T>(found: Result<T>, error: Option<ErrorKind>) -> std::result::Result<(), String> {
    let expected = error.is_none().then_some("done");
    returned(found.map(|_| "done"), expected, error)
}

/// Compares the result of decoding bytes with the error that is expected of them.
pub fn refused<T: Debug, E: Debug>(
    found: std::result::Result<T, E>,
    error: Option<ErrorKind>,
) -> Outcome {
    match (found, error) {
        (Err(_), Some(ErrorKind::Message)) => Ok(true),
        (found, error) => Err(format!("{found:?}, expected the error {error:?}")),
    }
}

/// Compares the bytes that something is encoded to.
pub fn encoded(found: &[u8], expected: &[u8]) -> Outcome {
    let text = |bytes: &[u8]| format!("{bytes:02x?}");
    same("the encoding", text(found), text(expected))?;
    Ok(true)
}

fn same_error(found: &Error, error: ErrorKind) -> std::result::Result<(), String> {
    let kind = match found {
        Error::Address { .. } => ErrorKind::Address,
        Error::InvalidCount { .. }
        | Error::Local(LocalError::NoContexts | LocalError::Size { .. }) => ErrorKind::Count,
        Error::Local(LocalError::InvalidWidth { .. } | LocalError::Width { .. }) => {
            ErrorKind::Width
        }
        Error::Local(LocalError::Lengths { .. }) => ErrorKind::Lengths,
        Error::Local(LocalError::Change { .. }) => ErrorKind::Change,
        Error::Local(LocalError::StaleEpoch { .. }) => ErrorKind::StaleEpoch,
        Error::Local(LocalError::NeverSent { .. }) => ErrorKind::NeverSent,
        Error::Local(LocalError::State(_)) => ErrorKind::State,
        other => return Err(other.to_string()),
    };
    if kind == error {
        Ok(())
    } else {
        Err(format!("{found}; expected the error {error:?}"))
    }
}
