// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Changes`]: what a watch has taken from its table, and not yet handed out.

use std::collections::VecDeque;

use atomik::Value;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::convert::to_python;

/// A context that changed, by its address, and its state.
pub type Change = (u32, Value);

/// Changes that were taken at one moment and wait to be handed out: a loop takes one after the
/// other, and where it ends early, the rest isn't lost.
#[derive(Default)]
pub struct Changes(pub VecDeque<Change>);

impl Changes {
    /// Hands out up to `most` of them.
    pub fn hand_out(&mut self, most: usize) -> Vec<Change> {
        self.0.drain(..most.min(self.0.len())).collect()
    }
}

/// A change for Python.
pub fn change<'py>(py: Python<'py>, (addr, state): &Change) -> PyResult<Bound<'py, PyAny>> {
    let state = to_python(py, state)?;
    watching(py)?
        .getattr(py, "Change")?
        .into_bound(py)
        .call1((*addr, state))
}

/// The part of the package that is written in Python.
pub fn watching(py: Python<'_>) -> PyResult<&Py<PyModule>> {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    MODULE.get_or_try_init(py, || Ok(py.import("atomik_core._watching")?.unbind()))
}
