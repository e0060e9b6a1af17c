// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`DeltaStream`]: a table that exchanges deltas with others.

use atomik::{LocalContext, LocalTable, Received, TableRef};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyIterator, PyList, PyType};

use crate::contexts::AtomikContext;
use crate::convert::{Optional, address, number, to_python, value};
use crate::device_table::DeviceTable;
use crate::errors::{from_atomik, from_device, type_name};
use crate::lock::Lock;
use crate::message::DeltaMessage;
use crate::store::nonzero;

/// A table of contexts whose changes are messages to other streams. The streams end with the same
/// states, in whatever order and however often messages arrive.
///
/// A message has its sender and its number, so that a duplicate is dropped and doesn't cancel the
/// first. Each address has an *epoch*, from 0, which ``load`` increments. A message belongs to the
/// epoch in which it was made. ``load`` makes no message: streams that shall agree load the same.
///
/// Messages are trusted: one with a false name, or damaged on its way, changes states for good. So
/// carry them by something that has a checksum, as TCP and TLS do, and that lets only trusted
/// senders in.
///
/// ``sender`` is a number of 64 bits that no other stream may have, by default a random one. So a
/// stream can't be copied or pickled, and after a fork only one side may go on with it.
///
/// The contexts are the stream's own, in the process. A stream ``on`` a DeviceTable has that one's.
///
/// >>> one, other = DeltaStream(), DeltaStream()
/// >>> message = one.accum(7, 0xFF)
/// >>> other.apply(message), other.apply(message)
/// ('applied', 'duplicate')
/// >>> other.read(7) == one.read(7) == 0xFF
/// True
#[pyclass(module = "atomik_core", frozen, subclass, weakref)]
pub struct DeltaStream {
    stream: Lock<Stream>,
    width: u32,
    contexts: u32,
    sender: u64,
}

/// A stream in either place.
enum Stream {
    Process(atomik::DeltaStream),
    Device(atomik::DeltaStream<TableRef>),
}

/// Does the same with a stream in either place.
macro_rules! either {
    ($stream:expr, $name:pat => $result:expr) => {
        match $stream {
            Stream::Process($name) => $result,
            Stream::Device($name) => $result,
        }
    };
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
        let sender = sender_of(sender)?;
        let table = LocalTable::with_width(contexts, width).map_err(from_atomik)?;
        let stream = atomik::DeltaStream::on(table, sender).map_err(from_atomik)?;
        Ok(Self {
            stream: Lock::new(Stream::Process(stream)),
            width,
            contexts,
            sender,
        })
    }

    /// A stream on a DeviceTable of 64 bits, whose states are those of epoch 0: streams that shall
    /// agree begin with the same. Its descriptor stays open as long as the stream is there.
    ///
    /// Other changes of the table, by whatever process, are no messages.
    #[classmethod]
    #[pyo3(
        signature = (table, sender=None),
        text_signature = "($cls, table, sender=None)"
    )]
    fn on(
        cls: &Bound<'_, PyType>,
        table: &Bound<'_, PyAny>,
        sender: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<Self>> {
        let table = table.cast::<DeviceTable>().map_err(|_| {
            PyTypeError::new_err(format!(
                "table must be a DeviceTable, not {}",
                type_name(table)
            ))
        })?;
        let open = table.get().open()?;
        if open.width != u64::BITS {
            return Err(PyValueError::new_err(format!(
                "a stream on the device has 64 bits, and the table {}",
                open.width
            )));
        }
        let sender = sender_of(sender)?;
        let stream = atomik::DeltaStream::on(open.table.clone(), sender);
        let stream = stream.map_err(|error| from_device(error, None))?;
        let this = Self {
            stream: Lock::new(Stream::Device(stream)),
            width: open.width,
            contexts: open.contexts,
            sender,
        };
        Py::new(cls.py(), this)
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

    /// LOAD: starts the address's next epoch from ``initial_state``, and accumulates the deltas
    /// that have waited for it.
    fn load(&self, addr: &Bound<'_, PyAny>, initial_state: &Bound<'_, PyAny>) -> PyResult<()> {
        let at = address(addr, self.contexts)?;
        let value = value(initial_state, self.width, "initial_state")?;
        self.with(addr.py(), |stream| {
            either!(stream, stream => stream.load(at, value)).map(drop)
        })
    }

    /// ACCUM: the state is XORed with ``delta``. Returns the message for other streams, which
    /// ``pending`` has, too.
    fn accum(&self, addr: &Bound<'_, PyAny>, delta: &Bound<'_, PyAny>) -> PyResult<DeltaMessage> {
        let at = address(addr, self.contexts)?;
        let value = value(delta, self.width, "delta")?;
        self.with(
            addr.py(),
            |stream| either!(stream, stream => stream.accum(at, value)),
        )
        .map(DeltaMessage::of)
    }

    /// Takes a message of another stream, and returns its effect.
    ///
    /// It is ``"applied"``: the delta is in the state; ``"duplicate"``: the message was known
    /// already, as this stream's own are; or ``"waiting"``: the message's epoch is yet to come, and
    /// the delta will be in the state then.
    ///
    /// Raises StaleEpochError for an epoch that is over, IndexError for an address that isn't
    /// there, and ValueError for another width, or for a message that bears this stream's own name
    /// but that it never made. No state has changed then.
    fn apply(&self, py: Python<'_>, msg: &Bound<'_, PyAny>) -> PyResult<&'static str> {
        let message = msg.cast::<DeltaMessage>().map_err(|_| {
            PyTypeError::new_err(format!(
                "msg must be a DeltaMessage, not {}",
                type_name(msg)
            ))
        })?;
        let message = &message.get().message;
        if message.seq == 0 {
            return Err(PyValueError::new_err(
                "the message's seq is 0: without a number its duplicates couldn't be told",
            ));
        }
        let received = self.with(
            py,
            |stream| either!(stream, stream => stream.apply(message)),
        )?;
        Ok(match received {
            Received::Applied => "applied",
            Received::Duplicate => "duplicate",
            Received::Waiting => "waiting",
        })
    }

    /// READ: returns the context's state.
    fn read<'py>(&self, addr: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let (py, at) = (addr.py(), address(addr, self.contexts)?);
        let state = self.with(
            py,
            |stream| either!(stream, stream => stream.read_value(at)),
        )?;
        to_python(py, &state)
    }

    /// The epoch of an address: the number of its loads.
    fn epoch(&self, addr: &Bound<'_, PyAny>) -> PyResult<u64> {
        let at = address(addr, self.contexts)?;
        self.with(addr.py(), |stream| {
            Ok(either!(stream, stream => stream.epoch(at)))
        })
    }

    /// The messages that this stream has made since the last call, in order.
    fn pending(&self, py: Python<'_>) -> PyResult<Vec<DeltaMessage>> {
        let messages = self.with(py, |stream| Ok(either!(stream, stream => stream.pending())))?;
        Ok(messages.into_iter().map(DeltaMessage::of).collect())
    }

    /// The states that are not 0, by ascending address.
    fn snapshot<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        let states = self.with(py, |stream| match stream {
            Stream::Process(stream) => nonzero(stream.table()),
            Stream::Device(stream) => stream.nonzero(),
        })?;
        for (addr, state) in states {
            dict.set_item(addr, to_python(py, &state)?)?;
        }
        Ok(dict)
    }

    /// Iterates over the contexts that are not 0, as pairs of an address and an AtomikContext, by
    /// ascending address. They are copies.
    fn contexts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        let contexts = self.with(py, |stream| match stream {
            Stream::Process(stream) => (0..self.contexts)
                .map(|addr| stream.table().context(addr))
                .collect(),
            Stream::Device(stream) => {
                let contexts = stream.table().snapshot(0..self.contexts)?;
                Ok(contexts.into_iter().map(LocalContext::from).collect())
            }
        })?;
        let contexts: Vec<LocalContext> = contexts;
        let pairs = PyList::empty(py);
        for (addr, context) in contexts.iter().enumerate() {
            if !(context.reference().is_zero() && context.is_clean()) {
                pairs.append((addr, AtomikContext::copy_of(py, context)?))?;
            }
        }
        pairs.try_iter()
    }

    /// Takes all that another stream of the same width and number of contexts knows: for each
    /// address the later epoch, with all its deltas that either knows.
    ///
    /// The other stream stays as it is. Streams that merge each other agree, in whatever order and
    /// however often they do. If both have loaded an address equally often, but with different
    /// values, the larger value wins.
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
        py.detach(|| {
            (self.stream).hold_both(
                &other.stream,
                |this, that| either!(this, this => either!(that, that => this.merge(&*that))),
            )
        })
        .map_err(|error| from_device(error, None))
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
        f: impl FnOnce(&mut Stream) -> atomik::Result<R> + Send,
    ) -> PyResult<R> {
        self.stream
            .with(py, f)
            .map_err(|error| from_device(error, None))
    }
}

/// The sender that was given, or a random one.
fn sender_of(sender: Option<&Bound<'_, PyAny>>) -> PyResult<u64> {
    match sender {
        Some(sender) => number(sender, "sender"),
        None => atomik::DeltaStream::<LocalTable>::random_sender().map_err(from_atomik),
    }
}
