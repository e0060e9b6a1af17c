// SPDX-License-Identifier: MIT OR Apache-2.0

//! Python's integers as values, addresses, widths and numbers of contexts, and back.

use std::ops::{Range, RangeInclusive};

use atomik::{MAX_CONTEXTS, MAX_WIDTH, Value};
use pyo3::exceptions::{PyIndexError, PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyInt};

use crate::errors::{from_atomik, no_such_address, shown, type_name};

/// An argument that is an integer, or left out.
pub enum Optional<'py> {
    LeftOut,
    Given(Bound<'py, PyAny>),
}

impl<'a, 'py> FromPyObject<'a, 'py> for Optional<'py> {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        Ok(Self::Given(object.to_owned()))
    }
}

impl Optional<'_> {
    /// A width in bits; 64 where it's left out.
    pub fn width(&self) -> PyResult<u32> {
        self.up_to(u64::BITS, "width", MAX_WIDTH, " bits")
    }

    /// A width that the device has.
    pub fn width_on_device(&self) -> PyResult<u32> {
        self.up_to(u64::BITS, "width", u64::BITS, " bits on the device")
    }

    /// A number of contexts; 256 where it's left out.
    pub fn num_contexts(&self) -> PyResult<u32> {
        self.up_to(256, "num_contexts", u32::MAX, "")
    }

    /// A number of contexts that a table of the device has.
    pub fn num_contexts_on_device(&self) -> PyResult<u32> {
        self.up_to(256, "num_contexts", MAX_CONTEXTS, " on the device")
    }

    /// An address of a table with so many contexts; 0 where it's left out.
    pub fn address(&self, contexts: u32) -> PyResult<u32> {
        match self {
            Self::LeftOut => Ok(0),
            Self::Given(addr) => address(addr, contexts),
        }
    }

    /// A number of 64 bits; 0 where it's left out.
    pub fn number(&self, name: &str) -> PyResult<u64> {
        match self {
            Self::LeftOut => Ok(0),
            Self::Given(object) => number(object, name),
        }
    }

    /// The addresses from this one, 0 where it's left out, to before `stop`, or to the end.
    pub fn range_to(&self, stop: Option<&Bound<'_, PyAny>>, contexts: u32) -> PyResult<Range<u32>> {
        let start = match self {
            Self::LeftOut => 0,
            Self::Given(start) => bound(start, "start", contexts)?,
        };
        let stop = stop.map_or(Ok(contexts), |stop| bound(stop, "stop", contexts))?;
        if start >= stop {
            return Err(PyValueError::new_err(format!(
                "there are no addresses from {start} to before {stop}"
            )));
        }
        Ok(start..stop)
    }

    fn up_to(&self, left_out: u32, name: &str, high: u32, of: &str) -> PyResult<u32> {
        match self {
            Self::LeftOut => Ok(left_out),
            Self::Given(object) => Ok(number_in(object, name, 1..=high.into(), of)? as u32),
        }
    }
}

/// A number of 64 bits; no other is masked to them. `name` is the argument's, for errors.
pub fn number(object: &Bound<'_, PyAny>, name: &str) -> PyResult<u64> {
    number_in(object, name, 0..=u64::MAX, "")
}

/// A number of a range; ValueError for another. `of` follows the range in the error, and says whose
/// range it is.
pub fn number_in(
    object: &Bound<'_, PyAny>,
    name: &str,
    range: RangeInclusive<u64>,
    of: &str,
) -> PyResult<u64> {
    match object.extract() {
        Ok(number) if range.contains(&number) => return Ok(number),
        Err(error) if !is_overflow(object, &error) => return Err(not_an_int(object, name, error)),
        _ => {}
    }
    let high = match *range.end() {
        u64::MAX => "2**64 - 1".into(),
        high => high.to_string(),
    };
    Err(PyValueError::new_err(format!(
        "{name} must be from {} to {high}{of}, not {}",
        range.start(),
        shown(object)
    )))
}

/// True for an integer of another type than the wanted one.
pub fn is_overflow(object: &Bound<'_, PyAny>, error: &PyErr) -> bool {
    error.is_instance_of::<PyOverflowError>(object.py())
}

/// An address of a table with so many contexts.
pub fn address(object: &Bound<'_, PyAny>, contexts: u32) -> PyResult<u32> {
    match object.extract::<u32>() {
        Ok(addr) if addr < contexts => Ok(addr),
        Err(error) if !is_overflow(object, &error) => Err(not_an_int(object, "addr", error)),
        _ => Err(no_such_address(shown(object), contexts)),
    }
}

/// A bound of addresses.
fn bound(object: &Bound<'_, PyAny>, name: &str, contexts: u32) -> PyResult<u32> {
    match object.extract::<u32>() {
        Ok(bound) if bound <= contexts => Ok(bound),
        Err(error) if !is_overflow(object, &error) => Err(not_an_int(object, name, error)),
        _ => Err(PyIndexError::new_err(format!(
            "{name} must be from 0 to {contexts}, the number of contexts, not {}",
            shown(object)
        ))),
    }
}

/// A value of `width` bits from the lowest bits of an integer, as `value & mask` has them: a
/// negative one has infinitely many bits of 1. `name` is the argument's, for errors.
pub fn value(object: &Bound<'_, PyAny>, width: u32, name: &str) -> PyResult<Value> {
    if width <= u64::BITS {
        return Value::new(width, word(object, width, name)?).map_err(from_atomik);
    }
    let py = object.py();
    let masked = index(object, name)?.bitand(ones(py, width)?)?;
    let bytes = masked.call_method1("to_bytes", (width.div_ceil(8), "little"))?;
    Value::from_le_bytes(width, bytes.cast::<PyBytes>()?.as_bytes()).map_err(from_atomik)
}

/// The same for a width of not more than 64 bits.
pub fn word(object: &Bound<'_, PyAny>, width: u32, name: &str) -> PyResult<u64> {
    let mask = mask(width);
    match object.extract::<u64>() {
        Ok(word) => Ok(word & mask),
        Err(error) if is_overflow(object, &error) => index(object, name)?.bitand(mask)?.extract(),
        Err(error) => Err(not_an_int(object, name, error)),
    }
}

/// The bits of a word that a width of 1 to 64 has.
pub fn mask(width: u32) -> u64 {
    u64::MAX >> (u64::BITS - width.clamp(1, u64::BITS))
}

/// The Python integer.
pub fn to_python<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    match value.to_u64() {
        Some(word) => Ok(word.into_pyobject(py)?.into_any()),
        None => py.get_type::<PyInt>().call_method1(
            "from_bytes",
            (PyBytes::new(py, &value.to_le_bytes()), "little"),
        ),
    }
}

/// A value in hexadecimal, with all digits of its width.
pub fn padded(width: u32, value: &Value) -> String {
    format!(
        "{value:#0digits$x}",
        digits = 2 + width.div_ceil(4) as usize
    )
}

/// The object as an `int`, which `__index__` makes of others.
fn index<'py>(object: &Bound<'py, PyAny>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    operator_index(object.py())?
        .call1((object,))
        .map_err(|error| not_an_int(object, name, error))
}

/// Python's own function for it.
pub fn operator_index(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static INDEX: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    INDEX.import(py, "operator", "index")
}

/// The error for an object that should be an integer. Other errors of its `__index__` stay.
pub fn not_an_int(object: &Bound<'_, PyAny>, name: &str, error: PyErr) -> PyErr {
    if error.is_instance_of::<PyTypeError>(object.py()) {
        PyTypeError::new_err(format!("{name} must be an int, not {}", type_name(object)))
    } else {
        error
    }
}

/// `(1 << width) - 1`.
fn ones(py: Python<'_>, width: u32) -> PyResult<Bound<'_, PyAny>> {
    1_u32.into_pyobject(py)?.lshift(width)?.sub(1)
}
