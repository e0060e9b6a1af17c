// SPDX-License-Identifier: GPL-2.0

//! [`Marks`], the contexts of a watch that may have changed.

use crate::{
    contexts::zeroes,
    kernel_ext::atomic_or::atomic_or,
    limit::Charge,
    logic::{
        bits::{self, Ones},
        index,
    },
};
use core::ops::Range;
use kernel::{
    alloc::KVVec,
    prelude::*,
    sync::atomic::{Atomic, Relaxed},
};

/// Numbers from 0 on, each marked or not: a bit for each, and above them a bit for each word of
/// bits. So few marks among many numbers are found soon.
///
/// Whoever sets marks is inside the lock of a table, as a reader, and whoever takes them has the
/// table alone. So the lock orders all accesses, which themselves are Relaxed: those who set marks
/// meet only each other, and each mark is set by an atomic instruction.
///
/// # Invariants
///
/// - `upper` has a bit for each of `words`. It is set if the word isn't 0, other than while somebody
///   sets marks.
/// - The memory of both is as long as the [mask](index::mask()) of their lengths allows.
pub(crate) struct Marks {
    words: KVVec<Atomic<u64>>,
    upper: KVVec<Atomic<u64>>,
    charge: Charge,
}

impl Marks {
    /// Makes `count` numbers, at least 1, all of them marked. Fails with ENOMEM.
    pub(crate) fn all(count: u32) -> Result<Self> {
        let words = bits::words(count as usize);
        let upper = bits::words(words);
        let bytes = words.checked_add(upper).and_then(|all| all.checked_mul(8));
        let charge = Charge::new(bytes.ok_or(ENOMEM)?)?;
        // INVARIANT: `zeroes` makes memory for the mask; no number is marked yet.
        let marks = Self {
            words: zeroes(words)?,
            upper: zeroes(upper)?,
            charge,
        };
        marks.set_range(0..count);
        Ok(marks)
    }

    /// Bytes that are charged.
    pub(crate) fn bytes(&self) -> u64 {
        self.charge.bytes()
    }

    /// Marks a number; one that is too large is ignored.
    pub(crate) fn set(&self, number: u32) {
        let (word, bit) = bits::place(number);
        self.set_bits(word, bit);
    }

    /// Marks the numbers of a range.
    pub(crate) fn set_range(&self, range: Range<u32>) {
        for (word, bits) in bits::of_range(range) {
            self.set_bits(word, bits);
        }
    }

    fn set_bits(&self, number: usize, bits: u64) {
        let Some(number) = index::checked(number, self.words.len(), index::mask(self.words.len()))
        else {
            return;
        };
        let (upper, bit) = bits::place(number as u32);
        if let (Some(word), Some(upper)) = (self.words.get(number), self.upper.get(upper)) {
            set(word, bits);
            set(upper, bit);
        }
    }

    /// How many numbers are marked.
    pub(crate) fn count(&self) -> usize {
        self.words_with_marks().fold(0, |sum, (_, word)| {
            sum.wrapping_add(word.load(Relaxed).count_ones() as usize)
        })
    }

    fn words_with_marks(&self) -> impl Iterator<Item = (usize, &Atomic<u64>)> {
        let numbers = self.upper.iter().enumerate().flat_map(|(upper, bits)| {
            let first = upper.wrapping_mul(u64::BITS as usize);
            Ones(bits.load(Relaxed)).map(move |bit| first.wrapping_add(bit as usize))
        });
        numbers.filter_map(|number| Some((number, self.words.get(number)?)))
    }

    /// Takes up to `most` marks, lowest first, and calls `f` with their numbers. Returns whether
    /// some are left. Nobody else sets or takes marks meanwhile.
    pub(crate) fn take(&self, most: usize, mut f: impl FnMut(u32)) -> bool {
        let mut room = most;
        for (number, word) in self.words_with_marks() {
            let first = (number as u32).wrapping_mul(u64::BITS);
            let mut left = word.load(Relaxed);
            while left != 0 {
                if room == 0 {
                    word.xchg(left, Relaxed);
                    return true;
                }
                room = room.wrapping_sub(1);
                f(first.wrapping_add(left.trailing_zeros()));
                left &= left.wrapping_sub(1);
            }
            word.xchg(0, Relaxed);
            let (upper, bit) = bits::place(number as u32);
            if let Some(upper) = self.upper.get(upper) {
                upper.xchg(upper.load(Relaxed) & !bit, Relaxed);
            }
        }
        false
    }
}

/// Sets bits that aren't all set yet.
fn set(word: &Atomic<u64>, bits: u64) {
    if word.load(Relaxed) & bits != bits {
        atomic_or(word, bits);
    }
}
