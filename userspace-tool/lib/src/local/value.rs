// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Value`]: a state, reference, accumulator, delta or fingerprint of any width; and [`AsLimbs`],
//! the trait of arguments that stand for one.

use std::fmt;

use super::width::Width;
use crate::{LocalError, Result};

/// Arguments for a value of any width: a `u64`, or 64-bit limbs, the lowest first.
///
/// Missing bits are 0, and bits beyond the width are dropped.
pub trait AsLimbs {
    /// The limbs, the lowest first.
    fn as_limbs(&self) -> &[u64];
}

impl AsLimbs for u64 {
    fn as_limbs(&self) -> &[u64] {
        std::slice::from_ref(self)
    }
}

impl AsLimbs for [u64] {
    fn as_limbs(&self) -> &[u64] {
        self
    }
}

impl<const N: usize> AsLimbs for [u64; N] {
    fn as_limbs(&self) -> &[u64] {
        self
    }
}

impl AsLimbs for Vec<u64> {
    fn as_limbs(&self) -> &[u64] {
        self
    }
}

impl AsLimbs for Value {
    fn as_limbs(&self) -> &[u64] {
        self.limbs()
    }
}

impl<T: AsLimbs + ?Sized> AsLimbs for &T {
    fn as_limbs(&self) -> &[u64] {
        (**self).as_limbs()
    }
}

/// A value of some width in bits. One of up to 64 bits allocates no memory.
///
/// ```
/// use atomik::Value;
///
/// let value = Value::new(12, 0xffff)?;
/// assert_eq!(value, 0xfff); // masked
/// assert_eq!(value.to_string(), "0xfff");
/// let wide = Value::new(100, [1, 2])?;
/// assert_eq!((wide.to_u64(), wide.limbs()), (None, &[1, 2][..]));
/// # Ok::<(), atomik::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Value {
    pub(super) width: Width,
    limbs: Limbs,
}

/// The limbs of a value, as many as its width needs.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Limbs {
    One(u64),
    Many(Box<[u64]>),
}

impl Value {
    /// A value of `width` bits.
    ///
    /// # Errors
    ///
    /// [`LocalError::InvalidWidth`] for a width of 0, or above
    /// [`MAX_WIDTH`](crate::MAX_WIDTH).
    pub fn new(width: u32, value: impl AsLimbs) -> Result<Self, LocalError> {
        Ok(Self::fit(Width::new(width)?, value.as_limbs()))
    }

    /// A value of `width` bits from its bytes, the lowest first.
    ///
    /// # Errors
    ///
    /// [`LocalError::InvalidWidth`] for a width of 0, or above
    /// [`MAX_WIDTH`](crate::MAX_WIDTH).
    pub fn from_le_bytes(width: u32, bytes: &[u8]) -> Result<Self, LocalError> {
        let limbs: Vec<u64> = bytes.chunks(8).map(limb).collect();
        Self::new(width, limbs)
    }

    pub(crate) fn fit(width: Width, limbs: &[u64]) -> Self {
        let mut words = width.fit(limbs);
        let limbs = match (width.limbs(), words.next()) {
            (1, first) => Limbs::One(first.unwrap_or(0)),
            (_, first) => Limbs::Many(first.into_iter().chain(words).collect()),
        };
        Self { width, limbs }
    }

    pub(crate) fn zero(width: Width) -> Self {
        Self::fit(width, &[])
    }

    /// The width in bits.
    pub fn width(&self) -> u32 {
        self.width.bits()
    }

    /// The limbs, the lowest first: width / 64 of them, rounded up.
    pub fn limbs(&self) -> &[u64] {
        match &self.limbs {
            Limbs::One(limb) => std::slice::from_ref(limb),
            Limbs::Many(limbs) => limbs,
        }
    }

    /// The limbs, of which the caller keeps the bits beyond the width 0.
    pub(crate) fn limbs_mut(&mut self) -> &mut [u64] {
        match &mut self.limbs {
            Limbs::One(limb) => std::slice::from_mut(limb),
            Limbs::Many(limbs) => limbs,
        }
    }

    /// The value as a number of 64 bits; none where the width is larger than 64 bits.
    pub fn to_u64(&self) -> Option<u64> {
        match self.limbs {
            Limbs::One(limb) => Some(limb),
            Limbs::Many(_) => None,
        }
    }

    /// The bytes, the lowest first: width / 8 of them, rounded up.
    pub fn to_le_bytes(&self) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.limbs().iter().flat_map(|l| l.to_le_bytes()).collect();
        bytes.truncate(self.width.bytes());
        bytes
    }

    /// True where all bits are 0.
    pub fn is_zero(&self) -> bool {
        self.limbs().iter().all(|&limb| limb == 0)
    }

    /// XORs `limbs` into it.
    pub(crate) fn xor(&mut self, limbs: &[u64]) {
        let width = self.width;
        for (limb, other) in self.limbs_mut().iter_mut().zip(width.fit(limbs)) {
            *limb ^= other;
        }
    }
}

/// The number that up to 8 bytes make, the lowest first.
pub(crate) fn limb(bytes: &[u8]) -> u64 {
    let mut limb = [0; 8];
    for (to, from) in limb.iter_mut().zip(bytes) {
        *to = *from;
    }
    u64::from_le_bytes(limb)
}

/// A value of 64 bits.
impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self {
            width: Width::U64,
            limbs: Limbs::One(number),
        }
    }
}

/// Compares the numbers, whatever the width.
impl PartialEq<u64> for Value {
    fn eq(&self, other: &u64) -> bool {
        matches!(self.limbs(), [first, rest @ ..] if first == other && rest.iter().all(|&l| l == 0))
    }
}

/// Orders by width, then by the number.
impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let widths = self.width().cmp(&other.width());
        widths.then_with(|| self.limbs().iter().rev().cmp(other.limbs().iter().rev()))
    }
}

/// Hexadecimal, without leading zeros.
impl fmt::LowerHex for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = String::new();
        for limb in self.limbs().iter().rev() {
            if digits.is_empty() {
                if *limb != 0 {
                    digits = format!("{limb:x}");
                }
            } else {
                digits += &format!("{limb:016x}");
            }
        }
        if digits.is_empty() {
            digits.push('0');
        }
        f.pad_integral(true, "0x", &digits)
    }
}

/// Hexadecimal, with `0x`.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:#x}")
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:#x}u{}", self.width())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn prints_as_one_number() {
        let text = |width, limbs: &[u64]| Value::new(width, limbs).unwrap().to_string();
        assert_eq!(text(64, &[0]), "0x0");
        assert_eq!(text(64, &[0xcafe]), "0xcafe");
        assert_eq!(text(128, &[1, 2]), "0x20000000000000001");
        assert_eq!(text(200, &[5]), "0x5");
        assert_eq!(format!("{:#010x}", Value::new(8, 9).unwrap()), "0x00000009");
        assert_eq!(format!("{:?}", Value::new(8, 9).unwrap()), "0x9u8");
    }

    #[test]
    fn compares_as_numbers() {
        let value = |limbs: &[u64]| Value::new(128, limbs).unwrap();
        assert!(value(&[5, 1]) > value(&[9, 0]));
        assert!(value(&[5, 1]) < value(&[6, 1]));
        assert_eq!(value(&[5]), 5);
        assert_ne!(value(&[5, 1]), 5);
        assert_ne!(value(&[5]), Value::new(64, 5).unwrap());
    }

    proptest! {
        #[test]
        fn bytes_come_back(width in 1..300u32, bytes in any::<[u8; 40]>()) {
            let value = Value::from_le_bytes(width, &bytes).unwrap();
            let out = value.to_le_bytes();
            prop_assert_eq!(out.len(), width.div_ceil(8) as usize);
            prop_assert_eq!(&out[..out.len() - 1], &bytes[..out.len() - 1]);
            prop_assert_eq!(Value::from_le_bytes(width, &out).unwrap(), value.clone());
            prop_assert_eq!(Value::new(width, value.limbs()).unwrap(), value);
        }
    }
}
