// SPDX-License-Identifier: MIT OR Apache-2.0

//! The vectors' files as `sdk/vectors/README.md` has them. What isn't written there is refused.

use serde::{Deserialize, Deserializer};

/// A file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    pub format: u32,
    pub kind: Kind,
    #[serde(rename = "about")]
    _about: String,
    /// Their form depends on the kind.
    pub cases: Vec<serde_json::Value>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Context,
    Table,
    Batch,
    Stream,
    Message,
    Fingerprint,
    OrderedFingerprint,
    Errors,
}

/// A case of any kind that has steps.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, bound = "Step: Deserialize<'de>")]
pub struct Case<Step> {
    pub name: String,
    pub width: u32,
    pub contexts: Option<u64>,
    pub steps: Vec<Step>,
}

/// The error of a step that must fail.
pub type Failure = Option<ErrorKind>;

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    Address,
    Width,
    Count,
    Lengths,
    Change,
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum ContextStep {
    Load {
        value: Value,
    },
    Accum {
        delta: Value,
    },
    Rollback {
        delta: Value,
    },
    Read {
        expect: Value,
    },
    Swap {
        new_reference: Option<Value>,
        expect: Value,
    },
    Merge {
        reference: Value,
        deltas: Vec<Value>,
    },
    Words {
        reference: Value,
        accumulator: Value,
        is_clean: bool,
        #[serde(rename = "delta_count")]
        _delta_count: u64,
    },
}

/// Of a table and of a batch.
#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum TableStep {
    Load {
        addr: u64,
        value: Value,
        error: Failure,
    },
    Accum {
        addr: u64,
        delta: Value,
        error: Failure,
    },
    Read {
        addr: u64,
        expect: Option<Value>,
        error: Failure,
    },
    Swap {
        addr: u64,
        new_reference: Option<Value>,
        expect: Option<Value>,
        error: Failure,
    },
    AccumMany {
        addrs: Vec<u64>,
        deltas: Vec<Value>,
        error: Failure,
    },
    Snapshot {
        expect: Vec<(u64, Value)>,
    },
    Batch {
        entries: Vec<Entry>,
        error: Failure,
    },
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum Entry {
    Load { addr: u64, value: Value },
    Accum { addr: u64, delta: Value },
    Read { addr: u64, expect: Option<Value> },
    Swap { addr: u64, expect: Option<Value> },
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum FingerprintStep {
    Load {
        data: Bytes,
        expect: Value,
    },
    Update {
        data: Bytes,
        expect: Value,
    },
    /// Only those of ordered fingerprints have an offset, and can fail.
    AccumulateDelta {
        offset: Option<u64>,
        old: Bytes,
        new: Bytes,
        error: Failure,
    },
    Reset,
    Words {
        value: Value,
        delta: Value,
        changed: bool,
    },
}

/// What can be made, or can't.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Making {
    pub name: String,
    pub make: Thing,
    pub width: u32,
    pub contexts: Option<u64>,
    pub error: Failure,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Thing {
    Context,
    Table,
    Stream,
    Fingerprint,
}

/// `"0x…"` of any length.
pub struct Value(String);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.strip_prefix("0x") {
            Some(digits)
                if !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_hexdigit()) =>
            {
                Ok(Self(digits.to_ascii_lowercase()))
            }
            _ => Err(serde::de::Error::custom(format!("{text:?} is no value"))),
        }
    }
}

impl Value {
    /// What a C program can hand in of it: the lowest 64 bits, to which it would be cut in any case.
    pub fn handed_in(&self) -> String {
        let digits = &self.0[self.0.len().saturating_sub(16)..];
        format!("0x{digits}")
    }

    /// As the runner prints it.
    pub fn printed(&self) -> String {
        match self.0.trim_start_matches('0') {
            "" => "0x0".into(),
            digits => format!("0x{digits}"),
        }
    }
}

/// Bytes as pairs of digits.
pub struct Bytes(String);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.len() % 2 == 0 && text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(serde::de::Error::custom(format!("{text:?} are no bytes")))
        }
    }
}

impl Bytes {
    pub fn len(&self) -> usize {
        self.0.len() / 2
    }

    /// As the runner takes them.
    pub fn word(&self) -> &str {
        if self.0.is_empty() { "-" } else { &self.0 }
    }
}
