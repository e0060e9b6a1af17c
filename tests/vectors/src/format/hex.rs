// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Hex`]: a value as the files write it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::Value;

/// A value, written as `0x` and hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hex(pub Value);

impl Hex {
    /// The value's 64-bit limbs, lowest first; at least one.
    pub fn limbs(&self) -> Vec<u64> {
        let mut limbs = self.0.to_u64_digits();
        limbs.resize(limbs.len().max(1), 0);
        limbs
    }

    /// Exactly as many limbs as a value of this width has. The last may have bits beyond the width.
    pub fn limbs_of_width(&self, width: u32) -> Vec<u64> {
        let mut limbs = self.0.to_u64_digits();
        limbs.resize(width.div_ceil(64) as usize, 0);
        limbs
    }

    /// The lowest 64 bits.
    pub fn low(&self) -> u64 {
        self.limbs()[0]
    }
}

impl From<&Value> for Hex {
    fn from(value: &Value) -> Self {
        Self(value.clone())
    }
}

impl From<u64> for Hex {
    fn from(value: u64) -> Self {
        Self(value.into())
    }
}

impl TryFrom<String> for Hex {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digits = text.strip_prefix("0x").unwrap_or_default();
        let value = Value::parse_bytes(digits.as_bytes(), 16).map(Self);
        // A value is written in one way.
        value
            .filter(|value| value.to_string() == text)
            .ok_or_else(|| format!("{text:?} is no value"))
    }
}

impl From<Hex> for String {
    fn from(value: Hex) -> Self {
        value.to_string()
    }
}

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}
