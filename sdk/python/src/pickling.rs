// SPDX-License-Identifier: MIT OR Apache-2.0

//! Pickling and copying of objects, those of subclasses included.
//!
//! An object's state is a tuple: the class's own part, and last the attributes of subclasses, in
//! `__dict__` and in slots. Older pickles have only the class's own part.

use pyo3::PyClass;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PySequence, PyString, PyTuple};

/// The result of `__reduce__`: the class's own `__new__`, as a subclass may have one with other
/// arguments, and the state.
pub type Reduced<'py> = (Bound<'py, PyAny>, Bound<'py, PyTuple>, Bound<'py, PyAny>);

/// For `__reduce__`. `numbers` are the arguments of the class's `__new__`.
pub fn reduce<'py, T: PyClass>(object: &Bound<'py, T>, numbers: &[u32]) -> PyResult<Reduced<'py>> {
    let py = object.py();
    let mut arguments = vec![object.as_any().get_type().into_any()];
    for number in numbers {
        arguments.push(number.into_pyobject(py)?.into_any());
    }
    Ok((
        py.get_type::<T>().getattr("__new__")?,
        PyTuple::new(py, arguments)?,
        object.as_any().call_method0("__getstate__")?,
    ))
}

/// The attributes that a subclass has added to an object: the last part of its state.
pub fn attributes<'py, T>(object: &Bound<'py, T>) -> PyResult<Bound<'py, PyAny>> {
    let base = object.py().get_type::<PyAny>();
    base.call_method1("__getstate__", (object.as_any(),))
}

/// Gives an object the attributes of its state, and returns the class's own part, of so many items.
pub fn restore<'py, T>(
    object: &Bound<'py, T>,
    state: &Bound<'py, PySequence>,
    own: usize,
) -> PyResult<Bound<'py, PyTuple>> {
    let state = state.to_tuple()?;
    if state.len() > own {
        let attributes = state.get_item(own)?;
        let (dict, slots) = match attributes.cast::<PyTuple>() {
            Ok(both) => both.extract()?,
            Err(_) => (attributes.extract()?, None),
        };
        if let Some(dict) = dict {
            let dict: Bound<'_, PyDict> = dict;
            let own = object.as_any().getattr("__dict__")?;
            own.call_method1("update", (dict,))?;
        }
        if let Some(slots) = slots {
            let slots: Bound<'_, PyDict> = slots;
            for (name, value) in slots {
                object
                    .as_any()
                    .setattr(name.cast_into::<PyString>()?, value)?;
            }
        }
    }
    Ok(state.get_slice(0, own))
}
