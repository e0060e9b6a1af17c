// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`DeltaMessage`]: a delta on its way from one stream to others.

use std::hash::{DefaultHasher, Hash, Hasher};

use atomik::LocalError;
use pyo3::exceptions::{PyIndexError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple, PyType};

use crate::bytes::Bytes;
use crate::convert::{Optional, is_overflow, not_an_int, to_python, value};
use crate::errors::{from_atomik, shown, type_name};

/// A delta that one stream has accumulated, for others to apply.
///
/// It belongs to an ``epoch`` of its address, and is number ``seq``, from 1, of the messages of the
/// stream ``sender``, a number of 64 bits. It is immutable. Messages of the same fields are equal.
/// Without a ``sender``, nobody can tell a duplicate from another message.
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
        signature = (
            addr, delta, epoch=Optional::LeftOut, seq=Optional::LeftOut, sender=Optional::LeftOut,
            width=Optional::LeftOut
        ),
        text_signature = "(addr, delta, epoch=0, seq=0, sender=0, width=64)"
    )]
    fn new(
        addr: &Bound<'_, PyAny>,
        delta: &Bound<'_, PyAny>,
        epoch: Optional<'_>,
        seq: Optional<'_>,
        sender: Optional<'_>,
        width: Optional<'_>,
    ) -> PyResult<Self> {
        let message = atomik::DeltaMessage {
            sender: sender.number("sender")?,
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
            epoch: epoch.number("epoch")?,
            seq: seq.number("seq")?,
            delta: value(delta, width.width()?, "delta")?,
        };
        Ok(Self { message })
    }

    /// Decodes bytes that ``to_bytes`` has made, all of them.
    ///
    /// Raises ValueError for bytes that aren't one message; ``take_many`` takes several. Damaged
    /// bytes may be another message, as they have no checksum: carry them by something that has
    /// one.
    #[classmethod]
    fn from_bytes(_cls: &Bound<'_, PyType>, data: &Bound<'_, PyAny>) -> PyResult<Self> {
        let bytes = Bytes::of_at_most(data, "data", atomik::DeltaMessage::MAX_BYTES)?;
        let bytes = bytes.whole(data.py());
        if let Some(plain) = plain::decode(&bytes) {
            return Ok(Self::of(plain));
        }
        match bytes.first() {
            Some(&others::PACKET) => Err(PyValueError::new_err(
                "data is a packet of messages, or a part of one: DeltaMessage.take_many takes them",
            )),
            Some(&others::STATE) => Err(PyValueError::new_err(
                "data is the state of a stream, or a part of one: DeltaStream.join takes it",
            )),
            _ => (atomik::DeltaMessage::decode(&bytes))
                .map(Self::of)
                .map_err(from_atomik),
        }
    }

    /// Encodes the message: as 16 bytes if its sender and epoch are 0 and its width is 64, or else
    /// as 14 or more bytes, in version 1 of a documented, stable encoding.
    ///
    /// The 16 bytes are the address, the delta and ``seq``, of 4, 8 and 4 bytes, each with its
    /// highest byte first. Raises ValueError where the message has another sender, epoch or width,
    /// but no ``seq``.
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        if let Some(bytes) = plain::encode(&self.message) {
            return Ok(PyBytes::new(py, &bytes));
        }
        if self.message.seq == 0 {
            return Err(PyValueError::new_err(
                "a message that names a sender, an epoch or a width has a seq, from 1; this one's \
                 is 0",
            ));
        }
        Ok(PyBytes::new(py, &self.message.encode()))
    }

    /// Encodes messages, of any iterable, for ``take_many``: those of one sender that follow each
    /// other as packets of up to 4096.
    ///
    /// A packet takes 11 or 12 bytes, and each message of a small delta 3 to 6 more. Messages of
    /// more than 64 bits are as ``to_bytes`` makes them. Raises ValueError for a message whose
    /// ``seq`` is 0.
    ///
    /// >>> stream = DeltaStream()
    /// >>> for addr in range(100):
    /// ...     message = stream.accum(addr, 0xFF)
    /// >>> len(DeltaMessage.encode_many(stream.pending()))
    /// 311
    #[staticmethod]
    fn encode_many<'py>(messages: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        let py = messages.py();
        let messages = messages_of(messages)?;
        if let Some(at) = messages.iter().position(|message| message.seq == 0) {
            return Err(PyValueError::new_err(format!(
                "messages of a packet have a seq, from 1; that of messages[{at}] is 0"
            )));
        }
        let bytes = py.detach(|| atomik::DeltaMessage::encode_many(&messages));
        Ok(PyBytes::new(py, &bytes))
    }

    /// Takes the messages at the start of ``data``, as far as they have arrived, and returns them
    /// and the number of bytes that they are. The bytes behind them are the beginning of a message
    /// or a packet, for the next call, with more.
    ///
    /// It takes messages of ``encode_many``, and those of ``to_bytes`` that name a sender: the 16
    /// bytes of others have no mark. Raises ValueError for bytes that begin as neither; messages
    /// before them are returned first.
    ///
    /// >>> received = bytearray(DeltaMessage.encode_many([DeltaMessage(7, 0xFF, seq=1)]) * 2)
    /// >>> del received[-1:]                   # has not arrived yet
    /// >>> messages, taken = DeltaMessage.take_many(received)
    /// >>> del received[:taken]                # leaves what waits for more
    /// >>> len(messages), len(received)
    /// (1, 13)
    #[staticmethod]
    fn take_many(data: &Bound<'_, PyAny>) -> PyResult<(Vec<Self>, usize)> {
        let py = data.py();
        let bytes = Bytes::of(data, "data")?;
        let bytes = bytes.whole(py);
        let (messages, left) = py
            .detach(|| {
                let mut rest = &bytes[..];
                let messages = atomik::DeltaMessage::take_many(&mut rest)?;
                Ok::<_, LocalError>((messages, rest.len()))
            })
            .map_err(from_atomik)?;
        let messages = messages.into_iter().map(Self::of).collect();
        Ok((messages, bytes.len() - left))
    }

    fn __bytes__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.to_bytes(py)
    }

    /// The message as a dict for JSON: its ``addr``, ``delta`` and ``seq``, and of its ``epoch``,
    /// ``sender`` and ``width`` those that aren't 0, 0 and 64.
    ///
    /// >>> DeltaMessage(7, 0xFF, seq=3).to_dict()
    /// {'addr': 7, 'delta': 255, 'seq': 3}
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("addr", self.addr())?;
        dict.set_item("delta", self.delta(py)?)?;
        dict.set_item("seq", self.seq())?;
        let others = [
            ("epoch", self.epoch(), 0),
            ("sender", self.sender(), 0),
            ("width", self.width().into(), 64),
        ];
        for (name, number, left_out) in others {
            if number != left_out {
                dict.set_item(name, number)?;
            }
        }
        Ok(dict)
    }

    /// The message of which ``to_dict`` has made a dict. Raises KeyError where one of ``addr``,
    /// ``delta`` and ``seq`` is missing.
    #[classmethod]
    fn from_dict(_cls: &Bound<'_, PyType>, d: &Bound<'_, PyAny>) -> PyResult<Self> {
        let optional = |name, left_out: u64| -> PyResult<_> {
            Ok(Optional::Given(d.call_method1("get", (name, left_out))?))
        };
        Self::new(
            &d.get_item("addr")?,
            &d.get_item("delta")?,
            optional("epoch", 0)?,
            Optional::Given(d.get_item("seq")?),
            optional("sender", 0)?,
            optional("width", 64)?,
        )
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

    /// Its number among the messages of its sender, from 1; 0 where nobody has numbered it.
    #[getter]
    fn seq(&self) -> u64 {
        self.message.seq
    }

    /// The stream or table that made it; 0 where the message doesn't name it.
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

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyType>, Fields<'py>)> {
        let (this, py) = (slf.get(), slf.py());
        let fields = (
            this.addr(),
            this.delta(py)?,
            this.epoch(),
            this.seq(),
            this.sender(),
            this.width(),
        );
        Ok((slf.get_type(), fields))
    }
}

/// The arguments of the class.
type Fields<'py> = (u32, Bound<'py, PyAny>, u64, u64, u64, u32);

/// The messages of an iterable of Python's.
pub fn messages_of(messages: &Bound<'_, PyAny>) -> PyResult<Vec<atomik::DeltaMessage>> {
    (messages.try_iter()?)
        .map(|item| Ok((message_of(&item?, "an item of messages")?.get().message).clone()))
        .collect()
}

/// The message that an argument is. `name` is the argument's, for errors.
pub fn message_of<'a, 'py>(
    object: &'a Bound<'py, PyAny>,
    name: &str,
) -> PyResult<&'a Bound<'py, DeltaMessage>> {
    object.cast().map_err(|_| {
        PyTypeError::new_err(format!(
            "{name} must be a DeltaMessage, not {}",
            type_name(object)
        ))
    })
}

/// Encodings that aren't those of one message.
mod others {
    use atomik::{DeltaMessage, DeltaStream, Error, LocalError, LocalTable};

    /// The first byte of a packet of messages.
    pub const PACKET: u8 = 0xa2;

    /// The first byte of the state of a stream.
    pub const STATE: u8 = 0xa3;

    /// True for bytes that are one of these, from the first to the last.
    pub fn are_one(bytes: &[u8]) -> bool {
        match bytes.first() {
            Some(&PACKET) => {
                let mut rest = bytes;
                DeltaMessage::take_many(&mut rest).is_ok() && rest.is_empty()
            }
            Some(&STATE) => {
                use LocalError::{Size, Width};
                // A state is decoded before it is found not to fit so small a table.
                let joined = LocalTable::new(1).and_then(|one| DeltaStream::join(one, 0, bytes));
                matches!(
                    joined,
                    Ok(_) | Err(Error::Local(Width { .. } | Size { .. }))
                )
            }
            _ => false,
        }
    }
}

/// The encoding of messages that name neither sender nor epoch, as in atomik-core 0.4.0.
mod plain {
    use atomik::{DeltaMessage, Value};

    use super::others;

    const WIDTH: u32 = 64;

    /// The first byte of the other encoding. Addresses that begin with it are encoded so, unless
    /// `seq` is 0: 16 bytes of the other encoding don't end in four zeros, as the width is there.
    const MARK: u8 = 0xa1;

    pub fn encode(message: &DeltaMessage) -> Option<[u8; 16]> {
        let named = message.sender != 0 || message.epoch != 0 || message.delta.width() != WIDTH;
        let addr = message.addr.to_be_bytes();
        let seq = u32::try_from(message.seq).ok()?;
        if named || (addr[0] == MARK && seq != 0) {
            return None;
        }
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&addr);
        bytes[4..12].copy_from_slice(&message.delta.to_u64()?.to_be_bytes());
        bytes[12..].copy_from_slice(&seq.to_be_bytes());
        (!others::are_one(&bytes)).then_some(bytes)
    }

    /// None for the other encodings, and for other lengths.
    pub fn decode(bytes: &[u8]) -> Option<DeltaMessage> {
        let bytes: &[u8; 16] = bytes.try_into().ok()?;
        if (bytes[0] == MARK && bytes[12..] != [0; 4]) || others::are_one(bytes) {
            return None;
        }
        let number = |part: &[u8]| {
            part.iter()
                .fold(0, |sum, &byte| (sum << 8) | u64::from(byte))
        };
        Some(DeltaMessage {
            sender: 0,
            addr: number(&bytes[..4]) as u32,
            epoch: 0,
            seq: number(&bytes[12..]),
            delta: Value::new(WIDTH, number(&bytes[4..12])).ok()?,
        })
    }
}

impl DeltaMessage {
    pub fn of(message: atomik::DeltaMessage) -> Self {
        Self { message }
    }
}
