// SPDX-License-Identifier: MIT OR Apache-2.0

//! The files of vectors, as `tests/vectors/README.md` describes them. What isn't described there is refused.

mod bytes;
mod hex;

use serde::{Deserialize, Deserializer};

pub use bytes::Bytes;
pub use hex::Hex;

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum File {
    Context(Body<ContextCase>),
    Table(Body<TableCase>),
    Batch(Body<TableCase>),
    Stream(Body<StreamCase>),
    Message(Body<MessageCase>),
    Fingerprint(Body<FingerprintCase>),
    OrderedFingerprint(Body<FingerprintCase>),
    Errors(Body<ErrorCase>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Body<C> {
    #[serde(rename = "format")]
    _format: Version,
    #[serde(rename = "about")]
    _about: String,
    pub cases: Vec<C>,
}

/// The one version of the files that there is.
#[derive(Deserialize)]
#[serde(try_from = "u32")]
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

impl File {
    /// Understands the text of a file.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
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

named!(ContextCase TableCase StreamCase MessageCase FingerprintCase ErrorCase);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wrong {
    Address,
    Width,
    Count,
    Lengths,
    Change,
    StaleEpoch,
    NeverSent,
    Message,
}

/// A field that has to be there, though it may be null.
fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    Option::deserialize(from)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContextCase {
    pub name: String,
    pub width: u32,
    pub steps: Vec<ContextStep>,
}

#[derive(Deserialize)]
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableCase {
    pub name: String,
    pub width: u32,
    pub contexts: u32,
    pub steps: Vec<TableStep>,
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum TableStep {
    Load {
        addr: u32,
        value: Hex,
        error: Option<Wrong>,
    },
    Accum {
        addr: u32,
        delta: Hex,
        error: Option<Wrong>,
    },
    Read {
        addr: u32,
        expect: Option<Hex>,
        error: Option<Wrong>,
    },
    Swap {
        addr: u32,
        #[serde(deserialize_with = "nullable")]
        new_reference: Option<Hex>,
        expect: Option<Hex>,
        error: Option<Wrong>,
    },
    AccumMany {
        addrs: Vec<u32>,
        deltas: Vec<Hex>,
        error: Option<Wrong>,
    },
    Snapshot {
        expect: Vec<(u32, Hex)>,
    },
    Batch {
        entries: Vec<Entry>,
        error: Option<Wrong>,
    },
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum Entry {
    Load { addr: u32, value: Hex },
    Accum { addr: u32, delta: Hex },
    Read { addr: u32, expect: Option<Hex> },
    Swap { addr: u32, expect: Option<Hex> },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamCase {
    pub name: String,
    pub width: u32,
    pub contexts: u32,
    pub streams: Vec<Hex>,
    pub steps: Vec<StreamStep>,
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum StreamStep {
    Load {
        stream: usize,
        addr: u32,
        value: Hex,
        error: Option<Wrong>,
    },
    Accum {
        stream: usize,
        addr: u32,
        delta: Hex,
        expect: Option<Made>,
        error: Option<Wrong>,
    },
    Apply {
        stream: usize,
        message: usize,
        expect: Option<String>,
        error: Option<Wrong>,
    },
    Read {
        stream: usize,
        addr: u32,
        expect: Option<Hex>,
        error: Option<Wrong>,
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
}

/// What is expected of a message.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Made {
    pub epoch: u64,
    pub seq: u64,
    pub bytes: Bytes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageCase {
    pub name: String,
    pub bytes: Bytes,
    pub width: Option<u32>,
    pub sender: Option<Hex>,
    pub addr: Option<u32>,
    pub epoch: Option<u64>,
    pub seq: Option<u64>,
    pub delta: Option<Hex>,
    pub error: Option<Wrong>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FingerprintCase {
    pub name: String,
    pub width: u32,
    pub steps: Vec<FingerprintStep>,
}

#[derive(Deserialize)]
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
        /// Where order counts.
        offset: Option<u64>,
        old: Bytes,
        new: Bytes,
        error: Option<Wrong>,
    },
    Reset {},
    Words {
        value: Hex,
        delta: Hex,
        changed: bool,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorCase {
    pub name: String,
    pub make: Make,
    pub width: u32,
    pub contexts: Option<u32>,
    #[serde(deserialize_with = "nullable")]
    pub error: Option<Wrong>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Make {
    Context,
    Table,
    Stream,
    Fingerprint,
}
