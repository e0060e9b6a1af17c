// SPDX-License-Identifier: GPL-2.0 OR MIT OR Apache-2.0

//! Sets of numbers as bits of words: number `n` is bit `n % 64` of word `n / 64`.

use core::ops::Range;

const BITS: u32 = u64::BITS;

/// How many words `count` numbers take.
pub fn words(count: usize) -> usize {
    count.div_ceil(BITS as usize)
}

/// The word of a number, and its bit there.
#[inline]
pub fn place(number: u32) -> (usize, u64) {
    let bit = 1u64.wrapping_shl(number % BITS);
    ((number / BITS) as usize, bit)
}

/// The words that the numbers of a range lie in, and their bits there.
pub fn of_range(range: Range<u32>) -> impl Iterator<Item = (usize, u64)> {
    let mut start = range.start;
    core::iter::from_fn(move || {
        if start >= range.end {
            return None;
        }
        let word = start / BITS;
        let next = word.wrapping_add(1).wrapping_mul(BITS);
        let left = next.min(range.end).wrapping_sub(start);
        // At least one number is left, so that the shift is by less than 64.
        let bits = (u64::MAX >> (BITS.wrapping_sub(left) % BITS)).wrapping_shl(start % BITS);
        start = next;
        Some((word as usize, bits))
    })
}

/// The bits of a word that are set, by their numbers, lowest first.
#[derive(Clone, Copy)]
pub struct Ones(pub u64);

impl Iterator for Ones {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        let number = self.0.trailing_zeros();
        // Clears the lowest bit.
        self.0 &= self.0.checked_sub(1)?;
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{vec, vec::Vec};

    fn numbers(words: impl Iterator<Item = (usize, u64)>) -> Vec<u32> {
        words
            .flat_map(|(word, bits)| Ones(bits).map(move |bit| word as u32 * 64 + bit))
            .collect()
    }

    #[test]
    fn a_range_has_its_numbers_and_no_others() {
        let bounds = [0, 1, 2, 62, 63, 64, 65, 127, 128, 129, 192, 200];
        for start in bounds {
            for end in bounds {
                assert_eq!(
                    numbers(of_range(start..end)),
                    (start..end).collect::<Vec<_>>()
                );
            }
        }
        assert_eq!(numbers(of_range(0..65536)).len(), 65536);
    }

    #[test]
    fn each_word_of_a_range_comes_once() {
        let words: Vec<_> = of_range(60..200).map(|(word, _)| word).collect();
        assert_eq!(words, vec![0, 1, 2, 3]);
    }

    #[test]
    fn a_number_has_its_place() {
        for number in [0, 1, 63, 64, 65535] {
            assert_eq!(numbers([place(number)].into_iter()), [number]);
            assert!(place(number).0 < words(number as usize + 1));
        }
        assert_eq!([0, 1, 64, 65, 65536].map(words), [0, 1, 1, 2, 1024]);
    }

    #[test]
    fn ones_are_in_order() {
        assert_eq!(Ones(0).next(), None);
        let bits: Vec<_> = Ones(1 | (1 << 7) | (1 << 63)).collect();
        assert_eq!(bits, [0, 7, 63]);
        assert_eq!(Ones(u64::MAX).count(), 64);
    }
}
