// SPDX-License-Identifier: MIT OR Apache-2.0
//! Vectors of a schema: operations, and what they must return. The README has the format.

mod make;
mod run;

use std::collections::BTreeMap;

use num_bigint::BigUint;
use serde::{Deserialize, Serialize};

pub use run::run;

/// The vectors of one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vectors {
    pub format: u32,
    pub object: String,
    pub version: String,
    pub cases: Vec<Case>,
}

/// Steps that begin with a new object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub name: String,
    pub steps: Vec<Step>,
}

/// A value or a delta, in JSON `"0x"` and hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hex(pub BigUint);

/// Bytes, in JSON two hexadecimal digits each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    Load {
        field: String,
        value: Hex,
    },
    /// `message` where the field is a delta_stream.
    Accum {
        field: String,
        delta: Hex,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<Bytes>,
    },
    Read {
        field: String,
        expect: Hex,
    },
    Swap {
        field: String,
        expect: Hex,
    },
    /// Expects the delta.
    Set {
        field: String,
        value: Hex,
        expect: Hex,
    },
    /// These three expect the delta.
    SetBit {
        field: String,
        bit: u32,
        expect: Hex,
    },
    ClearBit {
        field: String,
        bit: u32,
        expect: Hex,
    },
    ToggleBit {
        field: String,
        bit: u32,
        expect: Hex,
    },
    TestBit {
        field: String,
        bit: u32,
        expect: bool,
    },
    ReadCell {
        field: String,
        cell: [u32; 3],
        expect: Hex,
    },
    AccumCell {
        field: String,
        cell: [u32; 3],
        delta: Hex,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<Bytes>,
    },
    Update {
        values: BTreeMap<String, Hex>,
    },
    CompareUpdate {
        expected: BTreeMap<String, Hex>,
        values: BTreeMap<String, Hex>,
        expect: bool,
    },
    /// Expects the number of accums that were undone.
    Rollback {
        steps: u32,
        expect: u32,
    },
    /// `error`, where the message is refused: damaged, other or version.
    Apply {
        field: String,
        message: Bytes,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// Expects the states of all contexts of the object.
    Contexts {
        expect: Vec<Hex>,
    },
}

impl Vectors {
    /// The vectors of a schema, always the same.
    pub fn of(schema: &crate::Schema) -> Vectors {
        make::vectors(schema)
    }

    /// As the text of a file.
    pub fn to_json(&self) -> String {
        let mut text = String::from("{\n");
        text += &format!(
            "\"format\": {},\n\"object\": {},\n\"version\": {},\n\"cases\": [",
            self.format,
            json(&self.object),
            json(&self.version)
        );
        for (at, case) in self.cases.iter().enumerate() {
            text += if at == 0 { "\n" } else { ",\n" };
            text += &format!("{{\"name\": {}, \"steps\": [", json(&case.name));
            for (at, step) in case.steps.iter().enumerate() {
                text += if at == 0 { "\n  " } else { ",\n  " };
                text += &json(step);
            }
            text += "\n]}";
        }
        text + "\n]\n}\n"
    }
}

/// JSON on one line.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

impl Serialize for Hex {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{:#x}", self.0))
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.strip_prefix("0x")
            .and_then(|digits| BigUint::parse_bytes(digits.as_bytes(), 16))
            .map(Hex)
            .ok_or_else(|| serde::de::Error::custom("a value is 0x and hexadecimal digits"))
    }
}

impl Bytes {
    /// Two hexadecimal digits for each.
    pub(crate) fn digits(&self) -> String {
        let digits = self.0.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        digits
            .filter_map(|digit| char::from_digit(digit.into(), 16))
            .collect()
    }
}

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.digits())
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let pairs = text.as_bytes().chunks(2);
        let byte = |pair: &[u8]| match pair {
            [a, b] => u8::from_str_radix(std::str::from_utf8(&[*a, *b]).ok()?, 16).ok(),
            _ => None,
        };
        let bytes: Option<Vec<u8>> = pairs.map(byte).collect();
        bytes
            .map(Bytes)
            .ok_or_else(|| serde::de::Error::custom("bytes are two digits each"))
    }
}
