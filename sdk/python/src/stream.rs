// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`DeltaStream`]: a table whose deltas go to others, and theirs to it.

use atomik::{LocalTable, Received};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::convert::{Optional, address, number, to_python, value};
use crate::errors::{from_atomik, type_name};
use crate::lock::Lock;
use crate::message::DeltaMessage;
use crate::store::nonzero;

/// A table of contexts whose changes are messages, so that several of them end with the same states, whatever order the
/// messages arrive in, and however often.
///
/// A message knows its sender and its number, so that a duplicate is dropped instead of cancelling the first. An *epoch* is a count
/// for each address, 0 in the beginning, which ``load`` makes one more; a message belongs to the epoch in which it was made. ``load``
/// itself makes no message: streams that are to agree load the same.
///
/// A message is taken at its word: who can make one with another's name, or damage one on its way,
/// changes states for good. So what carries messages must have a checksum, as TCP and TLS have, and
/// let in nobody else.
///
/// ``sender`` is a number of 64 bits that no other stream may have; by default it is a random one. So a stream can't be copied or pickled, and
/// where a process forks, only one side may go on with it.
///
/// >>> one, other = DeltaStream(), DeltaStream()
/// >>> message = one.accum(7, 0xFF)
/// >>> other.apply(message), other.apply(message)
/// ('applied', 'duplicate')
/// >>> other.read(7) == one.read(7) == 0xFF
/// True
#[pyclass(module = "atomik_core", frozen, subclass, weakref)]
pub struct DeltaStream {
    stream: Lock<atomik::DeltaStream>,
    width: u32,
    contexts: u32,
    sender: u64,
}

#[pymethods]
impl DeltaStream {
    #[new]
    #[pyo3(
        signature = (width=Optional::LeftOut, num_contexts=Optional::LeftOut, sender=None),
        text_signature = "(width=64, num_contexts=256, sender=None)"
    )]
    fn new(
        width: Optional<'_>,
        num_contexts: Optional<'_>,
        sender: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let (width, contexts) = (width.width()?, num_contexts.num_contexts()?);
        let sender = match sender {
            Some(sender) => number(sender, "sender")?,
            None => atomik::DeltaStream::<LocalTable>::random_sender().map_err(from_atomik)?,
        };
        let table = LocalTable::with_width(contexts, width).map_err(from_atomik)?;
        let stream = atomik::DeltaStream::on(table, sender).map_err(from_atomik)?;
        Ok(Self {
            stream: Lock::new(stream),
            width,
            contexts,
            sender,
        })
    }

    /// The width of values, in bits.
    #[getter]
    fn width(&self) -> u32 {
        self.width
    }

    /// The number of contexts.
    #[getter]
    fn num_contexts(&self) -> u32 {
        self.contexts
    }

    /// The number by which others know this stream.
    #[getter]
    fn sender(&self) -> u64 {
        self.sender
    }

    /// LOAD: starts the address's next epoch from ``initial_state``, to which the deltas are added that waited for it.
    fn load(&self, addr: &Bound<'_, PyAny>, initial_state: &Bound<'_, PyAny>) -> PyResult<()> {
        let at = address(addr, self.contexts)?;
        let value = value(initial_state, self.width, "initial_state")?;
        self.with(addr.py(), |stream| stream.load(at, value).map(drop))
    }

    /// ACCUM: the state is XORed with ``delta``. Returns the message that tells others so, which ``pending`` has, too.
    fn accum(&self, addr: &Bound<'_, PyAny>, delta: &Bound<'_, PyAny>) -> PyResult<DeltaMessage> {
        let at = address(addr, self.contexts)?;
        let value = value(delta, self.width, "delta")?;
        self.with(addr.py(), |stream| stream.accum(at, value))
            .map(DeltaMessage::of)
    }

    /// Takes a message of another stream, and returns what became of it.
    ///
    /// That is ``"applied"``: the delta is in the state now; ``"duplicate"``: the message was known already, as are this
    /// stream's own; or ``"waiting"``: its epoch is yet to come, and the delta will be in the state then.
    ///
    /// A message of an epoch that is over raises StaleEpochError, one of an address that isn't there IndexError, one of another width
    /// ValueError, and so does one that bears this stream's own name and that it never made; no state has changed then.
    fn apply(&self, py: Python<'_>, msg: &Bound<'_, PyAny>) -> PyResult<&'static str> {
        let message = msg.cast::<DeltaMessage>().map_err(|_| {
            PyTypeError::new_err(format!(
                "msg must be a DeltaMessage, not {}",
                type_name(msg)
            ))
        })?;
        let message = &message.get().message;
        let received = self.with(py, |stream| stream.apply(message))?;
        Ok(match received {
            Received::Applied => "applied",
            Received::Duplicate => "duplicate",
            Received::Waiting => "waiting",
        })
    }

    /// READ: returns the context's state.
    fn read<'py>(&self, addr: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let (py, at) = (addr.py(), address(addr, self.contexts)?);
        to_python(py, &self.with(py, |stream| stream.read_value(at))?)
    }

    /// The epoch of an address: how often it was loaded.
    fn epoch(&self, addr: &Bound<'_, PyAny>) -> PyResult<u64> {
        let at = address(addr, self.contexts)?;
        self.with(addr.py(), |stream| Ok(stream.epoch(at)))
    }

    /// The messages that this stream has made since the last call, in order. They are kept until then.
    fn pending(&self, py: Python<'_>) -> PyResult<Vec<DeltaMessage>> {
        let messages = self.with(py, |stream| Ok(stream.pending()))?;
        Ok(messages.into_iter().map(DeltaMessage::of).collect())
    }

    /// The states that are not 0, by ascending address.
    fn contexts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (addr, state) in self.with(py, |stream| nonzero(stream.table()))? {
            dict.set_item(addr, to_python(py, &state)?)?;
        }
        Ok(dict)
    }

    /// Takes all that another stream knows, of the same width and number of contexts: of each address the later epoch, and all
    /// deltas of it that either knows.
    ///
    /// The other stream stays as it is. Streams that merge each other agree, in whatever order they do so and how often. Where both
    /// have loaded an address as often, but with different values, the larger one wins.
    fn merge(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> PyResult<()> {
        let other = other.cast::<Self>().map_err(|_| {
            PyTypeError::new_err(format!(
                "other must be a DeltaStream, not {}",
                type_name(other)
            ))
        })?;
        let other = other.get();
        if std::ptr::eq(self, other) {
            return Ok(());
        }
        py.detach(|| (self.stream).hold_both(&other.stream, |this, that| this.merge(&*that)))
            .map_err(from_atomik)
    }

    fn __repr__(&self) -> String {
        format!(
            "<DeltaStream width={} num_contexts={} sender={:#x}>",
            self.width, self.contexts, self.sender
        )
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(PyTypeError::new_err(
            "a DeltaStream can't be pickled or copied: no two may have the same sender",
        ))
    }
}

impl DeltaStream {
    fn with<R: Send>(
        &self,
        py: Python<'_>,
        f: impl FnOnce(&mut atomik::DeltaStream) -> atomik::Result<R> + Send,
    ) -> PyResult<R> {
        self.stream.with(py, f).map_err(from_atomik)
    }
}
