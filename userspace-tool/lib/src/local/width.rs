// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Width`]: the number of bits of a value, and its layout in memory.

use super::MAX_WIDTH;
use crate::{LocalError, Result};

/// Bits of a limb.
const LIMB: u32 = u64::BITS;

/// A width in bits, 1 to [`MAX_WIDTH`]. A value of it is kept in 64-bit limbs, the lowest first;
/// the bits of the last limb beyond the width are 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Width(u32);

impl Width {
    pub(crate) const U64: Self = Self(LIMB);

    pub(crate) fn new(bits: u32) -> Result<Self, LocalError> {
        match bits {
            1..=MAX_WIDTH => Ok(Self(bits)),
            _ => Err(LocalError::InvalidWidth { width: bits }),
        }
    }

    pub(crate) const fn bits(self) -> u32 {
        self.0
    }

    /// The number of limbs of a value.
    pub(crate) const fn limbs(self) -> usize {
        self.0.div_ceil(LIMB) as usize
    }

    /// The number of bytes of a value.
    pub(crate) const fn bytes(self) -> usize {
        self.0.div_ceil(8) as usize
    }

    /// The mask of the last limb's bits.
    #[inline]
    pub(crate) const fn mask(self) -> u64 {
        u64::MAX >> (LIMB - 1 - (self.0 - 1) % LIMB)
    }

    /// Fits `limbs` to the width: masks them, and fills up with zeros.
    pub(crate) fn fit(self, limbs: &[u64]) -> impl Iterator<Item = u64> {
        let last = self.limbs() - 1;
        (0..=last).map(move |i| {
            let limb = limbs.get(i).copied().unwrap_or(0);
            if i == last { limb & self.mask() } else { limb }
        })
    }
}

/// Refuses widths whose states don't fit a `u64`.
pub(crate) fn check_u64(bits: u32) -> Result<(), LocalError> {
    match bits {
        ..=LIMB => Ok(()),
        width => Err(LocalError::TooWide { width }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limbs_and_masks() {
        let of = |bits| {
            let width = Width::new(bits).unwrap();
            (width.limbs(), width.bytes(), width.mask())
        };
        assert_eq!(of(1), (1, 1, 1));
        assert_eq!(of(7), (1, 1, 0x7f));
        assert_eq!(of(63), (1, 8, u64::MAX >> 1));
        assert_eq!(of(64), (1, 8, u64::MAX));
        assert_eq!(of(65), (2, 9, 1));
        assert_eq!(of(128), (2, 16, u64::MAX));
        assert_eq!(of(MAX_WIDTH), (1 << 18, 1 << 21, u64::MAX));
        for bits in [0, MAX_WIDTH + 1, u32::MAX] {
            let error = Width::new(bits).unwrap_err();
            assert!(matches!(error, LocalError::InvalidWidth { width } if width == bits));
        }
    }

    #[test]
    fn values_are_masked_and_filled_up() {
        let width = Width::new(65).unwrap();
        assert!(width.fit(&[7]).eq([7, 0]));
        assert!(width.fit(&[1, 3, 9]).eq([1, 1]));
        assert!(width.fit(&[]).eq([0, 0]));
    }
}
