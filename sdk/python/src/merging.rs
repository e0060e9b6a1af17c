// SPDX-License-Identifier: MIT OR Apache-2.0

//! What `merge` takes from another context, wherever that is.

use atomik::Value;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use crate::context::AtomikContext;
use crate::device_context::DeviceContext;
use crate::errors::type_name;

/// The accumulator and the number of deltas of a context that must have this width.
pub fn deltas_of(other: &Bound<'_, PyAny>, width: u32) -> PyResult<(Value, u64)> {
    let py = other.py();
    let (accumulator, count) = if let Ok(other) = other.cast::<AtomikContext>() {
        let (context, count) = other.get().context(py)?;
        (context.accumulator(), count)
    } else if let Ok(other) = other.cast::<DeviceContext>() {
        other.get().deltas(py)?
    } else {
        return Err(PyTypeError::new_err(format!(
            "other must be an AtomikContext or a DeviceContext, not {}",
            type_name(other)
        )));
    };
    if accumulator.width() != width {
        return Err(PyValueError::new_err(format!(
            "a context of {} bits can't be merged into one of {width}",
            accumulator.width()
        )));
    }
    Ok((accumulator, count))
}
