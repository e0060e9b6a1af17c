// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`DeltaMessage`]: a delta on its way from one stream to others.

use std::hash::{DefaultHasher, Hash, Hasher};

use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple, PyType};

use crate::bytes::Bytes;
use crate::convert::{Optional, is_overflow, not_an_int, number, number_in, to_python, value};
use crate::errors::shown;

/// A delta that one stream has accumulated, for others to apply.
///
/// It belongs to an ``epoch`` of its address, and is number ``seq``, from 1, of the messages of the
/// stream ``sender``, a number of 64 bits. It is immutable. Messages of the same fields are equal.
///
/// >>> message = DeltaStream(sender=5).accum(7, 0xFF)
/// >>> message
/// DeltaMessage(addr=7, delta=0xff, epoch=0, seq=1, sender=0x5, width=64)
/// >>> DeltaMessage.from_bytes(message.to_bytes()) == message
/// True
#[pyclass(module = "atomik_core", frozen)]
pub struct DeltaMessage {
    pub message: atomik::DeltaMessage,
}

#[pymethods]
impl DeltaMessage {
    #[new]
    #[pyo3(
        signature = (addr, delta, epoch, seq, sender=Optional::LeftOut, width=Optional::LeftOut),
        text_signature = "(addr, delta, epoch, seq, sender=0, width=64)"
    )]
    fn new(
        addr: &Bound<'_, PyAny>,
        delta: &Bound<'_, PyAny>,
        epoch: &Bound<'_, PyAny>,
        seq: &Bound<'_, PyAny>,
        sender: Optional<'_>,
        width: Optional<'_>,
    ) -> PyResult<Self> {
        let seq = number_in(seq, "seq", 1..=u64::MAX, "")?;
        let message = atomik::DeltaMessage {
            sender: match sender {
                Optional::Given(sender) => number(&sender, "sender")?,
                Optional::LeftOut => 0,
            },
            addr: addr.extract().map_err(|error: PyErr| {
                if is_overflow(addr, &error) {
                    PyIndexError::new_err(format!(
                        "addr must be from 0 to {}, not {}",
                        u32::MAX,
                        shown(addr)
                    ))
                } else {
                    not_an_int(addr, "addr", error)
                }
            })?,
            epoch: number(epoch, "epoch")?,
            seq,
            delta: value(delta, width.width()?, "delta")?,
        };
        Ok(Self { message })
    }

    /// Decodes bytes that ``to_bytes`` has made, all of them.
    ///
    /// Raises ValueError for bytes that are no message. Damaged bytes may be another message, as
    /// they have no checksum: carry them by something that has one.
    #[classmethod]
    fn from_bytes(_cls: &Bound<'_, PyType>, data: &Bound<'_, PyAny>) -> PyResult<Self> {
        let bytes = Bytes::of_at_most(data, "data", atomik::DeltaMessage::MAX_BYTES)?;
        let message = atomik::DeltaMessage::decode(&bytes.whole(data.py()))
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(Self { message })
    }

    /// Encodes the message as 14 or more bytes, in version 1 of a documented, stable encoding.
    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.message.encode())
    }

    fn __bytes__<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        self.to_bytes(py)
    }

    /// The context's address.
    #[getter]
    fn addr(&self) -> u32 {
        self.message.addr
    }

    /// The delta.
    #[getter]
    fn delta<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_python(py, &self.message.delta)
    }

    /// The epoch of the address when it was made.
    #[getter]
    fn epoch(&self) -> u64 {
        self.message.epoch
    }

    /// Its number among the messages of its sender, from 1.
    #[getter]
    fn seq(&self) -> u64 {
        self.message.seq
    }

    /// The stream that made it.
    #[getter]
    fn sender(&self) -> u64 {
        self.message.sender
    }

    /// The width of the delta, in bits.
    #[getter]
    fn width(&self) -> u32 {
        self.message.delta.width()
    }

    #[classattr]
    #[pyo3(name = "__match_args__")]
    fn match_args(py: Python<'_>) -> PyResult<Bound<'_, PyTuple>> {
        PyTuple::new(py, ["addr", "delta", "epoch", "seq"])
    }

    fn __eq__(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let Ok(other) = other.cast::<Self>() else {
            return Ok(py.NotImplemented());
        };
        let equal = self.message == other.get().message;
        Ok(equal.into_pyobject(py)?.to_owned().into_any().unbind())
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.message.hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self) -> String {
        let atomik::DeltaMessage {
            sender,
            addr,
            epoch,
            seq,
            delta,
        } = &self.message;
        format!(
            "DeltaMessage(addr={addr}, delta={delta}, epoch={epoch}, seq={seq}, \
             sender={sender:#x}, width={})",
            delta.width()
        )
    }

    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
        let make = slf.get_type().getattr("from_bytes")?;
        Ok((make, (slf.get().to_bytes(slf.py()),)))
    }
}

impl DeltaMessage {
    pub fn of(message: atomik::DeltaMessage) -> Self {
        Self { message }
    }
}
