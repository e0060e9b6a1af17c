// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Fingerprint`]: the XOR of the chunks of some bytes, as a context.

use atomik::{LocalContext, Value};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyInt, PySequence, PyTuple};

use crate::bytes::Bytes;
use crate::convert::{Optional, padded, to_python, value};
use crate::errors::from_atomik;
use crate::lock::Lock;
use crate::pickling::{self, Reduced};

/// Shows whether bytes have changed, and the difference: the XOR of their chunks.
///
/// The fingerprint of bytes is the XOR of their chunks of ``width / 8`` bytes, each read
/// little-endian, the last filled up with zeros. That of no bytes is 0. ``width`` is a multiple of
/// 8. The fingerprint is kept as a context: the reference is the loaded fingerprint, the
/// accumulator its difference to the present one. Data may be any object with a buffer, and isn't
/// copied; other Python threads run meanwhile.
///
/// XOR has no order. So chunks that change places leave the fingerprint as it was, and so do equal
/// changes in two chunks, two equal chunks more or less, and zeros at the end. OrderedFingerprint
/// sees all of these. Neither is cryptographic: anybody can make bytes that deceive them.
///
/// >>> fingerprint = Fingerprint()
/// >>> hex(fingerprint.load(b"the quick brown fox"))
/// '0x4307021e527f2779'
/// >>> _ = fingerprint.update(b"the quick brown cat")
/// >>> fingerprint.changed
/// True
/// >>> fingerprint.accumulate_delta(b"cat", b"fox")
/// >>> fingerprint.changed
/// False
#[pyclass(module = "atomik_core", frozen, subclass, weakref)]
pub struct Fingerprint {
    width: u32,
    fingerprint: Lock<atomik::Fingerprint>,
}

#[pymethods]
impl Fingerprint {
    #[new]
    #[pyo3(signature = (width=Optional::LeftOut), text_signature = "(width=64)")]
    fn new(width: Optional<'_>) -> PyResult<Self> {
        let width = width.width()?;
        let fingerprint = atomik::Fingerprint::with_width(width).map_err(|_| {
            PyValueError::new_err(format!(
                "the width of a fingerprint must be a multiple of 8 bits, not {}",
                width
            ))
        })?;
        Ok(Self {
            width,
            fingerprint: Lock::new(fingerprint),
        })
    }

    /// The width, in bits.
    #[getter]
    fn width(&self) -> u32 {
        self.width
    }

    /// The fingerprint.
    #[getter]
    fn value<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_python(py, &self.with(py, |fingerprint| fingerprint.value()))
    }

    /// The XOR of the fingerprint and the one that was loaded.
    #[getter]
    fn delta<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_python(py, &self.with(py, |fingerprint| fingerprint.delta()))
    }

    /// True if the fingerprint differs from the one that was loaded.
    #[getter]
    fn changed(&self, py: Python<'_>) -> bool {
        self.with(py, |fingerprint| fingerprint.changed())
    }

    /// Starts from the fingerprint of ``data``, without a change, and returns it.
    fn load<'py>(&self, data: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let (py, value) = (data.py(), self.fold(data, "data")?);
        // A fingerprint's own bytes have that fingerprint.
        let bytes = value.to_le_bytes();
        self.with(py, |fingerprint| fingerprint.load(&bytes));
        to_python(py, &value)
    }

    /// Compares with ``data``, and returns its fingerprint, which is the new ``value``.
    fn update<'py>(&self, data: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let (py, value) = (data.py(), self.fold(data, "data")?);
        let bytes = value.to_le_bytes();
        self.with(py, |fingerprint| fingerprint.update(&bytes));
        to_python(py, &value)
    }

    /// Takes a change of a part from ``old`` to ``new``. The part begins where a chunk does. Each
    /// is bytes, or an integer: one chunk.
    fn accumulate_delta(&self, old: &Bound<'_, PyAny>, new: &Bound<'_, PyAny>) -> PyResult<()> {
        let chunks = |part: &Bound<'_, PyAny>, name| {
            if part.is_instance_of::<PyInt>() {
                value(part, self.width, name)
            } else {
                self.fold(part, name)
            }
        };
        let old = chunks(old, "old")?.to_le_bytes();
        let py = new.py();
        let new = chunks(new, "new")?.to_le_bytes();
        self.with(py, |fingerprint| fingerprint.accumulate_delta(&old, &new));
        Ok(())
    }

    /// Accepts the present fingerprint as the one to compare with.
    fn reset(&self, py: Python<'_>) {
        self.with(py, |fingerprint| fingerprint.reset());
    }

    fn __eq__(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let Ok(other) = other.cast::<Self>() else {
            return Ok(py.NotImplemented());
        };
        // One lock at a time: another thread may compare the same two in the other order.
        let words = |of: &Self| of.with(py, |of| (of.value(), of.delta()));
        let equal = words(self) == words(other.get());
        Ok(equal.into_pyobject(py)?.to_owned().into_any().unbind())
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let (value, delta) = self.with(py, |of| (of.value(), of.delta()));
        format!(
            "<Fingerprint width={} value={} changed={}>",
            self.width,
            padded(self.width, &value),
            if delta.is_zero() { "False" } else { "True" }
        )
    }

    /// For pickle and copy.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        pickling::reduce(slf, &[slf.get().width])
    }

    fn __getstate__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        let py = slf.py();
        let (value, delta) = slf.get().with(py, |of| (of.value(), of.delta()));
        let (value, delta) = (to_python(py, &value)?, to_python(py, &delta)?);
        (value, delta, pickling::attributes(slf)?).into_pyobject(py)
    }

    fn __setstate__<'py>(slf: &Bound<'py, Self>, state: &Bound<'py, PySequence>) -> PyResult<()> {
        let state = pickling::restore(slf, state, 2)?;
        let (now, delta): (Bound<'_, PyAny>, Bound<'_, PyAny>) = state.extract()?;
        let width = slf.get().width;
        let now = value(&now, width, "value")?.to_le_bytes();
        let delta = value(&delta, width, "delta")?.to_le_bytes();
        let before: Vec<u8> = now.iter().zip(&delta).map(|(a, b)| a ^ b).collect();
        slf.get().with(slf.py(), |fingerprint| {
            fingerprint.load(&before);
            fingerprint.update(&now);
        });
        Ok(())
    }
}

impl Fingerprint {
    fn with<R: Send>(
        &self,
        py: Python<'_>,
        f: impl FnOnce(&mut atomik::Fingerprint) -> R + Send,
    ) -> R {
        self.fingerprint.with(py, f)
    }

    /// The fingerprint of an object's bytes: the XOR of those of its pieces.
    fn fold(&self, data: &Bound<'_, PyAny>, name: &str) -> PyResult<Value> {
        let bytes = Bytes::of(data, name)?;
        let width = self.width;
        let mut sum = LocalContext::new(width).map_err(from_atomik)?;
        let mut result = Ok(());
        bytes.pieces(
            data.py(),
            width as usize / 8,
            |piece| match atomik::Fingerprint::of(width, piece) {
                Ok(value) => sum.accum(value),
                Err(error) => result = Err(error),
            },
        );
        result.map_err(from_atomik)?;
        Ok(sum.read())
    }
}
