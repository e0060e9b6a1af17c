// SPDX-License-Identifier: GPL-2.0 OR MIT OR Apache-2.0

//! Checks of indices that a caller has chosen, safe against speculation.
//!
//! A processor predicts the outcome of a check and goes on meanwhile, perhaps with an index beyond
//! the array; what it reads there leaves traces in its caches. A mask after the check prevents
//! that. It is one AND, on any machine, with a number that the compiler can't relate to the check
//! and so can't optimise away. It allows each index below a power of two, so the memory of an array
//! must be as long as that, however much of it is in use.

/// The mask for an array of which `count` items are in use, at least 1. The memory of the array
/// must hold one item more than the number that this returns.
#[inline]
pub fn mask(count: usize) -> usize {
    count
        .checked_next_power_of_two()
        .unwrap_or(0)
        .wrapping_sub(1)
}

/// The index, masked, if it is below `count`. `mask` is the [mask](mask()) of `count`.
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
    fn the_mask_is_below_a_power_of_two_that_is_less_than_twice_the_count() {
        for count in 1..=4096 {
            let room = mask(count) + 1;
            assert!(room.is_power_of_two() && room >= count && room < 2 * count);
        }
        assert_eq!(mask(0), 0);
        assert_eq!(mask(usize::MAX), usize::MAX);
    }
}
