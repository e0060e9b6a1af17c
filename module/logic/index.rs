// SPDX-License-Identifier: GPL-2.0 OR MIT OR Apache-2.0

//! Indices that a caller has chosen: checked, and masked after the check.
//!
//! A processor guesses how a check ends and goes on meanwhile, beyond the array if need be; what it
//! has looked at there shows in its caches. A mask leaves it nothing to guess. This one is an AND
//! with a number that the compiler can't relate to the check, so that it stays in the code, and is
//! one instruction on any machine. It lets through each index below a power of two, and so an array
//! has to be as long as that, whatever of it is in use.

/// The mask for an array of which `count` items are in use, at least 1. The array has room for one
/// more than the mask.
#[inline]
pub fn mask(count: usize) -> usize {
    count
        .checked_next_power_of_two()
        .unwrap_or(0)
        .wrapping_sub(1)
}

/// The index of an item of an array of which `count` items are in use, and `mask` is the
/// [mask](mask()); nothing beyond these.
#[inline]
pub fn checked(index: usize, count: usize, mask: usize) -> Option<usize> {
    (index < count).then_some(index & mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_in_use_passes_and_no_other() {
        for count in [1, 2, 3, 4, 5, 511, 512, 513, 65535, 65536] {
            let mask = mask(count);
            for index in 0..count {
                assert_eq!(checked(index, count, mask), Some(index));
            }
            for index in [count, count + 1, 1 << 32, usize::MAX] {
                assert_eq!(checked(index, count, mask), None);
            }
        }
    }

    #[test]
    fn what_passes_the_mask_alone_has_room() {
        for count in 1..=4096 {
            let room = mask(count) + 1;
            assert!(room.is_power_of_two() && room >= count && room < 2 * count);
        }
        assert_eq!(mask(0), 0);
        assert_eq!(mask(usize::MAX), usize::MAX);
    }
}
