// SPDX-License-Identifier: MIT OR Apache-2.0

//! The files of vectors, as `tests/vectors/README.md` describes them: both for writing and for
//! reading. What isn't described there is refused.

mod bytes;
mod hex;
mod layout;

use serde::{Deserialize, Deserializer, Serialize};

pub use bytes::Bytes;
pub use hex::Hex;

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum File {
    Context(Body<ContextCase>),
    Table(Body<TableCase>),
    Batch(Body<TableCase>),
    Stream(Body<StreamCase>),
    State(Body<StreamCase>),
    Message(Body<MessageCase>),
    Packet(Body<PacketCase>),
    Fingerprint(Body<FingerprintCase>),
    OrderedFingerprint(Body<FingerprintCase>),
    Errors(Body<ErrorCase>),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Body<C> {
    format: Version,
    about: String,
    pub cases: Vec<C>,
}

impl<C> Body<C> {
    pub fn new(about: &str, cases: Vec<C>) -> Self {
        Self {
            format: Version,
            about: about.into(),
            cases,
        }
    }
}

/// The one version of the files that there is.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
struct Version;

impl TryFrom<u32> for Version {
    type Error = String;

    fn try_from(number: u32) -> Result<Self, String> {
        match number {
            1 => Ok(Self),
            other => Err(format!("format {other} is unknown")),
        }
    }
}

impl From<Version> for u32 {
    fn from(_: Version) -> Self {
        1
    }
}

impl File {
    /// Parses the text of a file.
    ///
    /// # Errors
    ///
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    /// The text of the file, which ends with a line's end.
    pub fn text(&self) -> String {
        let mut text = vec![];
        let mut to = serde_json::Serializer::with_formatter(&mut text, layout::Layout::default());
        self.serialize(&mut to).expect("memory takes all of it");
        text.push(b'\n');
        String::from_utf8(text).expect("JSON is text")
    }
}

pub trait Named {
    fn name(&self) -> &str;
}

macro_rules! named {
    ($($case:ty)*) => {$(
        impl Named for $case {
            fn name(&self) -> &str {
                &self.name
            }
        }
    )*};
}

named!(ContextCase TableCase StreamCase MessageCase PacketCase FingerprintCase ErrorCase);

/// The errors that an operation may end with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    Address,
    Width,
    Count,
    Lengths,
    Change,
    StaleEpoch,
    NeverSent,
    Message,
    State,
}

/// Reads a field that must be there, though it may be null.
fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    Option::deserialize(from)
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContextCase {
    pub name: String,
    pub width: u32,
    pub steps: Vec<ContextStep>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum ContextStep {
    Load {
        value: Hex,
    },
    Accum {
        delta: Hex,
    },
    Rollback {
        delta: Hex,
    },
    Read {
        expect: Hex,
    },
    Swap {
        #[serde(deserialize_with = "nullable")]
        new_reference: Option<Hex>,
        expect: Hex,
    },
    Merge {
        reference: Hex,
        deltas: Vec<Hex>,
    },
    Words {
        reference: Hex,
        accumulator: Hex,
        is_clean: bool,
        delta_count: u64,
    },
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableCase {
    pub name: String,
    pub width: u32,
    pub contexts: u32,
    pub steps: Vec<TableStep>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum TableStep {
    Load {
        addr: u32,
        value: Hex,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<ErrorKind>,
    },
    Accum {
        addr: u32,
        delta: Hex,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<ErrorKind>,
    },
    Read {
        addr: u32,
        #[serde(skip_serializing_if = "Option::is_none")]
        expect: Option<Hex>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<ErrorKind>,
    },
    Swap {
        addr: u32,
        #[serde(deserialize_with = "nullable")]
        new_reference: Option<Hex>,
        #[serde(skip_serializing_if = "Option::is_none")]
        expect: Option<Hex>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<ErrorKind>,
    },
    Set {
        addr: u32,
        value: Hex,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<ErrorKind>,
    },
    CompareExchange {
        addr: u32,
        current: Hex,
        new: Hex,
        #[serde(skip_serializing_if = "Option::is_none")]
        expect: Option<Compared>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<ErrorKind>,
    },
    AccumMany {
        addrs: Vec<u32>,
        deltas: Vec<Hex>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<ErrorKind>,
    },
    Snapshot {
        expect: Vec<(u32, Hex)>,
    },
    Words {
        addr: u32,
        reference: Hex,
        accumulator: Hex,
    },
    Batch {
        entries: Vec<Entry>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<ErrorKind>,
        #[serde(skip_serializing_if = "Option::is_none")]
        canceled: Option<Canceled>,
    },
}

/// The answer to a state that is compared.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compared {
    pub exchanged: bool,
    /// The state before.
    pub state: Hex,
}

/// The first EXPECT of a batch that doesn't hold.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Canceled {
    pub entry: usize,
    pub found: Hex,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum Entry {
    Load {
        addr: u32,
        value: Hex,
    },
    Accum {
        addr: u32,
        delta: Hex,
    },
    Read {
        addr: u32,
        #[serde(skip_serializing_if = "Option::is_none")]
        expect: Option<Hex>,
    },
    Swap {
        addr: u32,
        #[serde(skip_serializing_if = "Option::is_none")]
        expect: Option<Hex>,
    },
    Expect {
        addr: u32,
        value: Hex,
    },
    Set {
        addr: u32,
        value: Hex,
    },
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamCase {
    pub name: String,
    pub width: u32,
    pub contexts: u32,
    pub streams: Vec<Hex>,
    pub steps: Vec<StreamStep>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum StreamStep {
    Load {
        stream: usize,
        addr: u32,
        value: Hex,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<ErrorKind>,
    },
    Accum {
        stream: usize,
        addr: u32,
        delta: Hex,
        #[serde(skip_serializing_if = "Option::is_none")]
        expect: Option<Made>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<ErrorKind>,
    },
    Apply {
        stream: usize,
        message: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        expect: Option<Receipt>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<ErrorKind>,
    },
    Read {
        stream: usize,
        addr: u32,
        #[serde(skip_serializing_if = "Option::is_none")]
        expect: Option<Hex>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<ErrorKind>,
    },
    Merge {
        stream: usize,
        from: usize,
    },
    Pending {
        stream: usize,
        expect: Vec<usize>,
    },
    Contexts {
        stream: usize,
        expect: Vec<(u32, Hex)>,
    },
    Encode {
        stream: usize,
        expect: Bytes,
    },
    Join {
        stream: usize,
        state: Bytes,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<ErrorKind>,
    },
}

/// A stream's answer to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Receipt {
    Applied,
    Duplicate,
    Waiting,
}

/// The message that an operation of a stream makes.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Made {
    pub epoch: u64,
    pub seq: u64,
    pub bytes: Bytes,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageCase {
    pub name: String,
    pub bytes: Bytes,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<Hex>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addr: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delta: Option<Hex>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorKind>,
}

/// Bytes that begin with packets, and messages of more than 64 bits between them.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PacketCase {
    pub name: String,
    pub bytes: Bytes,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<Vec<PacketMessage>>,
    /// The number of bytes at the end that are the beginning of more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorKind>,
}

/// A message's meaning.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PacketMessage {
    pub sender: Hex,
    pub addr: u32,
    pub epoch: u64,
    pub seq: u64,
    pub width: u32,
    pub delta: Hex,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FingerprintCase {
    pub name: String,
    pub width: u32,
    pub steps: Vec<FingerprintStep>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum FingerprintStep {
    Load {
        data: Bytes,
        expect: Hex,
    },
    Update {
        data: Bytes,
        expect: Hex,
    },
    AccumulateDelta {
        /// There for ordered fingerprints alone.
        #[serde(skip_serializing_if = "Option::is_none")]
        offset: Option<u64>,
        old: Bytes,
        new: Bytes,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<ErrorKind>,
    },
    Reset {},
    Words {
        value: Hex,
        delta: Hex,
        changed: bool,
    },
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorCase {
    pub name: String,
    pub make: Make,
    pub width: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contexts: Option<u32>,
    #[serde(deserialize_with = "nullable")]
    pub error: Option<ErrorKind>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Make {
    Context,
    Table,
    Stream,
    Fingerprint,
}
