// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`DeltaStream`]: a table that exchanges deltas with others.

use atomik::{LocalContext, LocalTable, Received, TableRef};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyIterator, PyList, PyType};

use crate::bytes::Bytes;
use crate::contexts::AtomikContext;
use crate::convert::{Optional, address, number, to_python, value};
use crate::device_table::DeviceTable;
use crate::errors::{from_atomik, from_device, type_name};
use crate::lock::Lock;
use crate::message::{DeltaMessage, message_of, messages_of};
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
    on_device: bool,
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
        let stream = LocalTable::with_width(contexts, width)
            .and_then(|table| atomik::DeltaStream::on(table, sender));
        Ok(Self::of(Stream::Process(stream.map_err(from_atomik)?)))
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
        let (table, sender) = (table_of(table)?, sender_of(sender)?);
        let stream = atomik::DeltaStream::on(table, sender);
        let stream = stream.map_err(|error| from_device(error, None))?;
        Py::new(cls.py(), Self::of(Stream::Device(stream)))
    }

    /// A stream, in the process, that knows all that another did when it made ``state``, by
    /// ``encode``. So a newcomer joins streams that exist. ``width`` and ``num_contexts`` are
    /// theirs, ``sender`` a new one.
    ///
    /// Messages that were in the state are duplicates, and those after it apply. To lose none, a
    /// newcomer collects messages first, then asks for the state, and applies all that it has
    /// collected. A stream that knows something already merges one that has joined.
    ///
    /// Raises ValueError for bytes that are no state, and for one of another width or number of
    /// contexts.
    ///
    /// >>> old = DeltaStream()
    /// >>> old.load(7, 1000)
    /// >>> before, state, after = old.accum(7, 1), old.encode(), old.accum(7, 2)
    /// >>> new = DeltaStream.join(state)
    /// >>> new.apply_many([before, after])
    /// ['duplicate', 'applied']
    /// >>> new.read(7) == old.read(7) == 1003
    /// True
    #[classmethod]
    #[pyo3(
        signature = (
            state, width=Optional::LeftOut, num_contexts=Optional::LeftOut, sender=None
        ),
        text_signature = "($cls, state, width=64, num_contexts=256, sender=None)"
    )]
    fn join(
        cls: &Bound<'_, PyType>,
        state: &Bound<'_, PyAny>,
        width: Optional<'_>,
        num_contexts: Optional<'_>,
        sender: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<Self>> {
        let (width, contexts) = (width.width()?, num_contexts.num_contexts()?);
        let (state, sender) = (Bytes::of(state, "state")?, sender_of(sender)?);
        let (py, state) = (cls.py(), state.whole(cls.py()));
        let stream = py.detach(|| {
            let table = LocalTable::with_width(contexts, width)?;
            atomik::DeltaStream::join(table, sender, &state)
        });
        let stream = Stream::Process(stream.map_err(from_atomik)?);
        Py::new(py, Self::of(stream))
    }

    /// A stream on a DeviceTable of 64 bits, as ``on`` makes it, that ``join``s. All states of the
    /// table are replaced; none, where it raises ValueError.
    #[classmethod]
    #[pyo3(
        signature = (table, state, sender=None),
        text_signature = "($cls, table, state, sender=None)"
    )]
    fn join_on(
        cls: &Bound<'_, PyType>,
        table: &Bound<'_, PyAny>,
        state: &Bound<'_, PyAny>,
        sender: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<Self>> {
        let table = table_of(table)?;
        let (state, sender) = (Bytes::of(state, "state")?, sender_of(sender)?);
        let (py, state) = (cls.py(), state.whole(cls.py()));
        let stream = py.detach(|| atomik::DeltaStream::join(table, sender, &state));
        let stream = stream.map_err(|error| from_device(error, None))?;
        Py::new(py, Self::of(Stream::Device(stream)))
    }

    /// All that the stream knows, as bytes with which others ``join``: the states, the epochs, and
    /// which messages are in them. They have no checksum, as messages have none.
    fn encode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let state = self
            .at_length(py, |stream| either!(stream, stream => stream.encode()))
            .map_err(|error| from_device(error, None))?;
        Ok(PyBytes::new(py, &state))
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
        let message = &message_of(msg, "msg")?.get().message;
        // One without a number changes nothing.
        let received = self.call(
            py,
            |stream| either!(stream, stream => stream.apply(message)),
        );
        fate(message, received)
    }

    /// Takes messages of other streams, in any iterable, as ``apply`` takes one, and returns the
    /// effect of each.
    ///
    /// A message that ``apply`` would refuse has the exception in its place, which isn't raised: a
    /// StaleEpochError, IndexError or ValueError. The others are taken.
    ///
    /// On the device the deltas of each 4096 messages are one batch, which others see whole or not
    /// at all. If the device fails, that is OSError, and all messages can be applied again: those
    /// of the batches before it are duplicates then.
    ///
    /// >>> one, other = DeltaStream(), DeltaStream()
    /// >>> messages = [one.accum(1, 5), one.accum(2, 6), DeltaMessage(256, 7, seq=1, sender=3)]
    /// >>> *effects, refused = other.apply_many(messages)
    /// >>> effects, isinstance(refused, IndexError)
    /// (['applied', 'applied'], True)
    fn apply_many<'py>(&self, messages: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
        let py = messages.py();
        let messages = messages_of(messages)?;
        let received = self.at_length(
            py,
            |stream| either!(stream, stream => stream.apply_many(&messages)),
        );
        let received = received.map_err(|error| from_device(error, None))?;
        let effects = PyList::empty(py);
        for (message, received) in messages.iter().zip(received) {
            match fate(message, received) {
                Ok(effect) => effects.append(effect)?,
                Err(refused) => effects.append(refused.into_value(py))?,
            }
        }
        Ok(effects)
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
    fn of(stream: Stream) -> Self {
        let (width, contexts, sender) =
            either!(&stream, stream => (stream.width(), stream.size(), stream.sender()));
        Self {
            on_device: matches!(stream, Stream::Device(_)),
            stream: Lock::new(stream),
            width,
            contexts,
            sender,
        }
    }

    fn with<R: Send>(
        &self,
        py: Python<'_>,
        f: impl FnOnce(&mut Stream) -> atomik::Result<R> + Send,
    ) -> PyResult<R> {
        self.call(py, f).map_err(|error| from_device(error, None))
    }

    fn call<R: Send>(&self, py: Python<'_>, f: impl FnOnce(&mut Stream) -> R + Send) -> R {
        if self.on_device {
            self.at_length(py, f)
        } else {
            self.stream.with(py, f)
        }
    }

    /// The same for calls that take long: other threads of Python's run meanwhile.
    fn at_length<R: Send>(&self, py: Python<'_>, f: impl FnOnce(&mut Stream) -> R + Send) -> R {
        py.detach(|| self.stream.hold(f))
    }
}

/// The effect of a message that a stream has received.
fn fate(
    message: &atomik::DeltaMessage,
    received: atomik::Result<Received>,
) -> PyResult<&'static str> {
    if message.seq == 0 {
        return Err(PyValueError::new_err(
            "the message's seq is 0: without a number its duplicates couldn't be told",
        ));
    }
    match received {
        Ok(Received::Applied) => Ok("applied"),
        Ok(Received::Duplicate) => Ok("duplicate"),
        Ok(Received::Waiting) => Ok("waiting"),
        Err(error) => Err(from_device(error, None)),
    }
}

/// The table of the device that an argument is.
fn table_of(table: &Bound<'_, PyAny>) -> PyResult<TableRef> {
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
    Ok(open.table.clone())
}

/// The sender that was given, or a random one.
fn sender_of(sender: Option<&Bound<'_, PyAny>>) -> PyResult<u64> {
    match sender {
        Some(sender) => number(sender, "sender"),
        None => atomik::DeltaStream::<LocalTable>::random_sender().map_err(from_atomik),
    }
}
