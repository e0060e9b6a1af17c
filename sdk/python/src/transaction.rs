// SPDX-License-Identifier: MIT OR Apache-2.0

//! `update` and `transact` of both kinds of tables. The crate's own can't be used, as the callers'
//! functions are Python's: they may fail, and no lock is held while they run.

use std::collections::HashSet;

use atomik::{Error, MAX_ATTEMPTS, MAX_BATCH};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::errors::{contended, from_atomik, type_name};

/// A table whose states can be changed if they are still what they were.
pub trait Conditional {
    type State: PartialEq;

    /// The states at these addresses, at one moment.
    fn states(&self, py: Python<'_>, addrs: &[u32]) -> PyResult<Vec<Self::State>>;

    /// Sets the states, if they all are what they were `before`; otherwise returns the address of
    /// one that isn't.
    fn exchange(
        &self,
        py: Python<'_>,
        addrs: &[u32],
        before: &[Self::State],
        after: &[Self::State],
    ) -> PyResult<Result<(), u32>>;

    fn integer_of<'py>(&self, py: Python<'py>, state: &Self::State) -> PyResult<Bound<'py, PyAny>>;

    /// The state that an integer makes of one that was there before.
    fn state_of(&self, integer: &Bound<'_, PyAny>, before: &Self::State) -> PyResult<Self::State>;
}

/// Changes a state to what `f` makes of it, and returns the state before.
pub fn update<'py>(
    table: &impl Conditional,
    py: Python<'py>,
    addr: u32,
    f: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    attempts(table, py, &[addr], |states| {
        let [before] = states else {
            return Ok((Vec::new(), py.None().into_bound(py)));
        };
        let state = table.integer_of(py, before)?;
        let new = table.state_of(&f.call1((&state,))?, before)?;
        Ok((vec![new], state))
    })
}

/// Changes the states at several addresses as `f` does, which gets a list of them, and returns
/// the result of `f`.
pub fn transact<'py>(
    table: &impl Conditional,
    py: Python<'py>,
    addrs: &[u32],
    f: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let most = MAX_BATCH as usize / 2;
    if addrs.len() > most {
        return Err(PyValueError::new_err(format!(
            "{} addresses are given, and {most} is the most",
            addrs.len()
        )));
    }
    let mut seen = HashSet::with_capacity(addrs.len());
    if let Some(&addr) = addrs.iter().find(|addr| !seen.insert(**addr)) {
        return Err(from_atomik(Error::RepeatedAddress { addr }));
    }
    attempts(table, py, addrs, |before| {
        let list = PyList::empty(py);
        for state in before {
            list.append(table.integer_of(py, state)?)?;
        }
        let result = f.call1((&list,))?;
        if list.len() != before.len() {
            return Err(PyValueError::new_err(format!(
                "the list of states has {} items after the call, and {} before",
                list.len(),
                before.len()
            )));
        }
        let after = list.iter().zip(before);
        let after = after.map(|(integer, before)| table.state_of(&integer, before));
        Ok((after.collect::<PyResult<_>>()?, result))
    })
}

/// Tries to change states until nobody comes between reading and setting them.
fn attempts<'py, T: Conditional>(
    table: &T,
    py: Python<'py>,
    addrs: &[u32],
    f: impl Fn(&[T::State]) -> PyResult<(Vec<T::State>, Bound<'py, PyAny>)>,
) -> PyResult<Bound<'py, PyAny>> {
    let mut changed = 0;
    for _ in 0..MAX_ATTEMPTS {
        let before = table.states(py, addrs)?;
        let (after, result) = f(&before)?;
        if after == before {
            return Ok(result);
        }
        match table.exchange(py, addrs, &before, &after)? {
            Ok(()) => return Ok(result),
            Err(addr) => changed = addr,
        }
    }
    Err(contended(py, changed, MAX_ATTEMPTS))
}

/// Addresses in some iterable.
pub fn addresses(
    addrs: &Bound<'_, PyAny>,
    address: impl Fn(&Bound<'_, PyAny>) -> PyResult<u32>,
) -> PyResult<Vec<u32>> {
    let addrs = addrs.try_iter().map_err(|error| {
        if error.is_instance_of::<PyTypeError>(addrs.py()) {
            let found = type_name(addrs);
            PyTypeError::new_err(format!("addrs must be addresses, not {found}"))
        } else {
            error
        }
    })?;
    addrs.map(|addr| address(&addr?)).collect()
}
