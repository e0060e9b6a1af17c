// SPDX-License-Identifier: MIT OR Apache-2.0

//! The exceptions that Python raises for each error, with the value that was wrong.

use std::fmt::Display;
use std::path::Path;

use atomik::{Error, LocalError};
use pyo3::create_exception;
use pyo3::exceptions::{PyEOFError, PyIndexError, PyMemoryError, PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

create_exception!(
    atomik_core,
    StaleEpochError,
    PyValueError,
    "A message belongs to an epoch of its address that is over."
);

/// Canceled: a condition of a batch doesn't hold.
fn canceled(py: Python<'_>, entry: usize, addr: u32, expected: u64, found: u64) -> PyErr {
    exception(py, "Canceled", (entry, addr, expected, found))
}

/// Contended: others were faster in each of so many attempts.
pub fn contended(py: Python<'_>, addr: u32, attempts: u32) -> PyErr {
    exception(py, "Contended", (addr, attempts))
}

/// An exception of the package's own, which has attributes and is written in Python.
fn exception<'py>(
    py: Python<'py>,
    name: &str,
    arguments: impl pyo3::call::PyCallArgs<'py>,
) -> PyErr {
    let made = exceptions(py)
        .and_then(|module| module.bind(py).getattr(name))
        .and_then(|kind| kind.call1(arguments));
    match made {
        Ok(exception) => PyErr::from_value(exception),
        Err(error) => error,
    }
}

/// The module that has them.
pub fn exceptions(py: Python<'_>) -> PyResult<&Py<PyModule>> {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    MODULE.get_or_try_init(py, || Ok(py.import("atomik_core._exceptions")?.unbind()))
}

/// A value in the text of an error: its `repr`, if that isn't too long.
pub fn shown(object: &Bound<'_, PyAny>) -> String {
    const ENOUGH: usize = 80;
    // An int of thousands of digits has none.
    let text = object.repr().map_or_else(
        |_| format!("this {}", type_name(object)),
        |text| text.to_string(),
    );
    match text.char_indices().nth(ENOUGH) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// A type in the text of an error.
pub fn type_name(object: &Bound<'_, PyAny>) -> String {
    object
        .get_type()
        .qualname()
        .map_or_else(|_| "another type".into(), |name| name.to_string())
}

/// IndexError: there is no such context.
pub fn no_such_address(addr: impl Display, contexts: u32) -> PyErr {
    PyIndexError::new_err(format!(
        "address {addr} is outside the table, whose addresses are 0 to {}",
        contexts.saturating_sub(1)
    ))
}

/// ValueError: two arrays that belong together have different lengths.
pub fn lengths_differ(name: &str, length: usize, other_name: &str, other: usize) -> PyErr {
    PyValueError::new_err(format!(
        "{name} and {other_name} must be equally long, and have {length} and {other} items"
    ))
}

/// ValueError: a use after `close`.
pub fn closed(what: &str) -> PyErr {
    PyValueError::new_err(format!("operation on a closed {what}"))
}

/// The text of an error: what happened, the system's reason, and what to do next.
fn text(error: &Error) -> String {
    let mut text = error.to_string();
    if let Error::Open { source, .. } | Error::Os { source, .. } = error {
        let said = source.to_string();
        // The number is in the exception.
        let said = said.split(" (os error").next().unwrap_or_default();
        text = format!("{text}: {said}");
    }
    match error.hint() {
        // The remedy in a shell.
        _ if matches!(error, Error::BadDescriptor { .. }) => text,
        Some(hint) => format!("{text}; {hint}"),
        None => text,
    }
}

/// The exception that Python users expect for an error of the library.
pub fn from_atomik(error: impl Into<Error>) -> PyErr {
    let error = error.into();
    let text = text(&error);
    match error {
        Error::Address { .. } => PyIndexError::new_err(text),
        Error::Local(LocalError::StaleEpoch { .. }) => StaleEpochError::new_err(text),
        Error::NoMemory { .. } => PyMemoryError::new_err(text),
        Error::Canceled {
            entry,
            addr,
            expected,
            found,
        } => Python::attach(|py| canceled(py, entry, addr, expected, found)),
        Error::SocketClosed => PyEOFError::new_err(text),
        Error::Local(_)
        | Error::RepeatedAddress { .. }
        | Error::InvalidCount { .. }
        | Error::BatchEmpty
        | Error::BatchTooLong { .. } => PyValueError::new_err(text),
        // The path isn't one, and the system wasn't asked.
        Error::Open { ref source, .. } if source.raw_os_error().is_none() => {
            PyValueError::new_err(text)
        }
        error => match error.errno() {
            Some(errno) => PyOSError::new_err((errno, text)),
            None => PyOSError::new_err(text),
        },
    }
}

/// The exception for an error of the device: for a code of the system, the subclass of OSError that
/// Python has for it.
pub fn from_device(error: Error, path: Option<&Path>) -> PyErr {
    let about_file = matches!(
        error,
        Error::NoDevice { .. }
            | Error::Permission { .. }
            | Error::Open { .. }
            | Error::NotAtomik { .. }
    );
    match (&error, error.errno(), path) {
        (Error::NoMemory { .. }, Some(errno), _) => PyOSError::new_err((errno, text(&error))),
        (_, Some(errno), Some(path)) if about_file => {
            PyOSError::new_err((errno, text(&error), path.as_os_str().to_owned()))
        }
        _ => from_atomik(error),
    }
}
