// SPDX-License-Identifier: MIT OR Apache-2.0
//! Values of 8 to 256 bits.

#![allow(dead_code, reason = "not every schema needs all of it")]

use core::fmt;
use core::ops::{BitAnd, BitOr, BitXor, Not, Shl, Shr};

/// An unsigned number of 256 bits: four words, the lowest first.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct U256(pub [u64; 4]);

pub(crate) type Words = U256;

impl U256 {
    /// 0.
    pub const ZERO: Self = Self([0; 4]);
    /// 2^256 - 1.
    pub const MAX: Self = Self([u64::MAX; 4]);

    /// From 32 bytes, the lowest first.
    #[must_use]
    pub fn from_le_bytes(bytes: [u8; 32]) -> Self {
        let mut words = [0; 4];
        for (at, byte) in bytes.into_iter().enumerate() {
            words[at / 8] |= u64::from(byte) << (8 * (at % 8));
        }
        Self(words)
    }

    /// 32 bytes, the lowest first.
    #[must_use]
    pub fn to_le_bytes(self) -> [u8; 32] {
        core::array::from_fn(|at| self.0[at / 8].to_le_bytes()[at % 8])
    }

    /// The lowest bits.
    pub(crate) fn low(self, bits: u32) -> Self {
        let word = |at: u32| match bits.saturating_sub(64 * at) {
            0 => 0,
            bits if bits < 64 => self.0[at as usize] & ((1 << bits) - 1),
            _ => self.0[at as usize],
        };
        Self([word(0), word(1), word(2), word(3)])
    }
}

impl From<u64> for U256 {
    fn from(value: u64) -> Self {
        Self([value, 0, 0, 0])
    }
}

impl From<u128> for U256 {
    fn from(value: u128) -> Self {
        Self([value as u64, (value >> 64) as u64, 0, 0])
    }
}

impl PartialOrd for U256 {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for U256 {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.0.iter().rev().cmp(other.0.iter().rev())
    }
}

impl BitXor for U256 {
    type Output = Self;

    fn bitxor(self, other: Self) -> Self {
        Self(core::array::from_fn(|at| self.0[at] ^ other.0[at]))
    }
}

impl BitAnd for U256 {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(core::array::from_fn(|at| self.0[at] & other.0[at]))
    }
}

impl BitOr for U256 {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(core::array::from_fn(|at| self.0[at] | other.0[at]))
    }
}

impl Not for U256 {
    type Output = Self;

    fn not(self) -> Self {
        Self(self.0.map(|word| !word))
    }
}

impl Shl<u32> for U256 {
    type Output = Self;

    /// Bits that are shifted out are lost, however many.
    fn shl(self, bits: u32) -> Self {
        let (words, bits) = ((bits / 64) as usize, bits % 64);
        let word = |at: usize, back: usize| at.checked_sub(back).map_or(0, |at| self.0[at]);
        Self(core::array::from_fn(|at| {
            let low = match bits {
                0 => 0,
                _ => word(at, words + 1) >> (64 - bits),
            };
            (word(at, words) << bits) | low
        }))
    }
}

impl Shr<u32> for U256 {
    type Output = Self;

    /// Bits that are shifted out are lost, however many.
    fn shr(self, bits: u32) -> Self {
        let (words, bits) = ((bits / 64) as usize, bits % 64);
        let word = |at: usize| self.0.get(at).copied().unwrap_or(0);
        Self(core::array::from_fn(|at| {
            let high = match bits {
                0 => 0,
                _ => word(at + words + 1) << (64 - bits),
            };
            (word(at + words) >> bits) | high
        }))
    }
}

impl fmt::LowerHex for U256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([a, b, c, d]) = self;
        let mut digits = [0; 64];
        for (at, digit) in digits.iter_mut().enumerate() {
            let word = [d, c, b, a][at / 16];
            *digit = b"0123456789abcdef"[((word >> (60 - 4 * (at % 16))) & 15) as usize];
        }
        let start = digits.iter().position(|&digit| digit != b'0').unwrap_or(63);
        let digits = core::str::from_utf8(&digits[start..]).unwrap_or_default();
        f.pad_integral(true, "0x", digits)
    }
}

impl fmt::Debug for U256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "U256({self:#x})")
    }
}

/// A number of a field's width.
pub(crate) trait Value: Copy {
    fn words(self) -> Words;
    /// Of the lowest bits.
    fn of(words: Words) -> Self;
}

macro_rules! values {
    ($($type:ty),*) => {$(
        impl Value for $type {
            fn words(self) -> Words {
                Words::from(u128::from(self))
            }

            fn of(words: Words) -> Self {
                ((u128::from(words.0[1]) << 64) | u128::from(words.0[0])) as $type
            }
        }
    )*};
}

values!(u8, u16, u32, u64, u128);

impl Value for U256 {
    fn words(self) -> Words {
        self
    }

    fn of(words: Words) -> Self {
        words
    }
}

/// The words of a value that is given.
pub(crate) fn words<T: Value>(value: Option<T>) -> Option<Words> {
    value.map(T::words)
}
