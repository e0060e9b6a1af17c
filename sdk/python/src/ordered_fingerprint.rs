// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`OrderedFingerprint`]: a fingerprint that depends on each chunk's position.

use atomik::OrderedFold;
use pyo3::prelude::*;
use pyo3::types::{PySequence, PyTuple};

use crate::bytes::Bytes;
use crate::convert::number;
use crate::errors::from_atomik;
use crate::lock::Lock;
use crate::pickling::{self, Reduced};

/// A fingerprint of 64 bits that sees chunks that have changed places, equal changes in pairs, and
/// zeros at the end. It takes the change of a part as a delta, as Fingerprint does.
///
/// The fingerprint is the XOR of all chunks of 8 bytes, each mixed with its position, and of the
/// length, mixed with a constant. It is not cryptographic: anybody can make bytes that deceive it.
///
/// >>> fingerprint = OrderedFingerprint()
/// >>> _ = fingerprint.load(b"chunk 1.chunk 2.")
/// >>> _ = fingerprint.update(b"chunk 2.chunk 1.")
/// >>> fingerprint.changed
/// True
#[pyclass(module = "atomik_core", frozen, subclass, weakref)]
pub struct OrderedFingerprint {
    fingerprint: Lock<atomik::OrderedFingerprint>,
}

#[pymethods]
impl OrderedFingerprint {
    #[new]
    fn new() -> Self {
        Self {
            fingerprint: Lock::new(atomik::OrderedFingerprint::new()),
        }
    }

    /// The width, in bits: 64.
    #[getter]
    fn width(&self) -> u32 {
        u64::BITS
    }

    /// The fingerprint.
    #[getter]
    fn value(&self, py: Python<'_>) -> u64 {
        self.with(py, |fingerprint| fingerprint.value())
    }

    /// The XOR of the fingerprint and the one that was loaded.
    #[getter]
    fn delta(&self, py: Python<'_>) -> u64 {
        self.with(py, |fingerprint| fingerprint.delta())
    }

    /// True if the fingerprint differs from the one that was loaded.
    #[getter]
    fn changed(&self, py: Python<'_>) -> bool {
        self.with(py, |fingerprint| fingerprint.changed())
    }

    /// Starts from the fingerprint of ``data``, without a change, and returns it.
    fn load(&self, data: &Bound<'_, PyAny>) -> PyResult<u64> {
        let (py, fold) = (data.py(), fold(data, "data", 0)?);
        Ok(self.with(py, |fingerprint| fingerprint.load_fold(&fold)))
    }

    /// Compares with ``data``, and returns its fingerprint, which is the new ``value``.
    fn update(&self, data: &Bound<'_, PyAny>) -> PyResult<u64> {
        let (py, fold) = (data.py(), fold(data, "data", 0)?);
        Ok(self.with(py, |fingerprint| fingerprint.update_fold(&fold)))
    }

    /// Takes a change of a part of the data, at the byte ``offset``, from ``old`` to ``new``.
    ///
    /// Raises ValueError unless ``offset`` is a multiple of 8, ``old`` and ``new`` are equally
    /// long, and the part ends at a multiple of 8 or at the end of the data of the last load or
    /// update.
    fn accumulate_delta(
        &self,
        offset: &Bound<'_, PyAny>,
        old: &Bound<'_, PyAny>,
        new: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let py = offset.py();
        let offset = number(offset, "offset")?;
        let (old, new) = (fold(old, "old", offset)?, fold(new, "new", offset)?);
        self.with(py, |of| of.accumulate_folds(offset, &old, &new))
            .map_err(from_atomik)
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
        let this = self.with(py, |fingerprint| fingerprint.clone());
        let equal = other.get().with(py, |fingerprint| *fingerprint == this);
        Ok(equal.into_pyobject(py)?.to_owned().into_any().unbind())
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let (value, delta) = self.with(py, |of| (of.value(), of.delta()));
        format!("<OrderedFingerprint value={value:#x} delta={delta:#x}>")
    }

    /// For pickle and copy.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        pickling::reduce(slf, &[])
    }

    fn __getstate__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        let py = slf.py();
        let this = slf.get().with(py, |fingerprint| fingerprint.clone());
        let attributes = pickling::attributes(slf)?;
        (this.reference(), this.delta(), this.length(), attributes).into_pyobject(py)
    }

    fn __setstate__<'py>(slf: &Bound<'py, Self>, state: &Bound<'py, PySequence>) -> PyResult<()> {
        let state: [Bound<'_, PyAny>; 3] = pickling::restore(slf, state, 3)?.extract()?;
        let [reference, delta, length] = &state;
        let this = atomik::OrderedFingerprint::with_words(
            number(reference, "reference")?,
            number(delta, "delta")?,
            number(length, "length")?,
        );
        slf.get().with(slf.py(), |fingerprint| *fingerprint = this);
        Ok(())
    }
}

impl OrderedFingerprint {
    fn with<R: Send>(
        &self,
        py: Python<'_>,
        f: impl FnOnce(&mut atomik::OrderedFingerprint) -> R + Send,
    ) -> R {
        self.fingerprint.with(py, f)
    }
}

/// The fingerprint of an object's bytes, which begin at `offset`, piece by piece.
fn fold(data: &Bound<'_, PyAny>, name: &str, offset: u64) -> PyResult<OrderedFold> {
    let mut fold = OrderedFold::at(offset);
    Bytes::of(data, name)?.pieces(data.py(), 8, |piece| fold.push(piece));
    Ok(fold)
}
