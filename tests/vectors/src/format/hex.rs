// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Hex`]: a value as the files write it.

use std::fmt;

use serde::Deserialize;

/// A value: its text, and its 64-bit limbs, the lowest first.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Hex {
    text: String,
    limbs: Vec<u64>,
}

impl Hex {
    pub fn limbs(&self) -> &[u64] {
        &self.limbs
    }

    /// As many limbs as a value of this width has; bits beyond it are as they are.
    pub fn padded(&self, width: u32) -> Vec<u64> {
        let mut limbs = self.limbs.clone();
        limbs.resize(width.div_ceil(64) as usize, 0);
        limbs
    }

    /// The lowest 64 bits.
    pub fn low(&self) -> u64 {
        self.limbs[0]
    }
}

impl TryFrom<String> for Hex {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digits = text.strip_prefix("0x").unwrap_or_default();
        let plain = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if digits.is_empty()
            || !digits.bytes().all(plain)
            || (digits.starts_with('0') && digits != "0")
        {
            return Err(format!("{text:?} is no value"));
        }
        let limb = |chunk: &[u8]| {
            let digit = |b: &u8| u64::from(if *b > b'9' { b - b'a' + 10 } else { b - b'0' });
            chunk.iter().fold(0, |limb, b| (limb << 4) | digit(b))
        };
        let limbs = digits.as_bytes().rchunks(16).map(limb).collect();
        Ok(Self { text, limbs })
    }
}

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
