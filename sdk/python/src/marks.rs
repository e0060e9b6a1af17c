// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Marks`]: the contexts that a watch has to tell of.

use std::ops::Range;

use atomik_logic::bits::{Ones, of_range, place, words};

/// Numbers from 0 on, each marked or not: a bit for each, and above them a bit for each word of
/// bits. So few marks among many numbers are found soon.
pub struct Marks {
    words: Vec<u64>,
    upper: Vec<u64>,
}

impl Marks {
    /// `count` numbers, all of them marked. None where there is no memory.
    pub fn all(count: u32) -> Option<Self> {
        let words = words(count as usize);
        let mut marks = Self {
            words: zeros(words)?,
            upper: zeros(words.div_ceil(64))?,
        };
        marks.set(0..count);
        Some(marks)
    }

    /// Marks numbers, all of which are there.
    pub fn set(&mut self, numbers: Range<u32>) {
        for (word, bits) in of_range(numbers) {
            self.words[word] |= bits;
            let (upper, bit) = place(word as u32);
            self.upper[upper] |= bit;
        }
    }

    /// How many are marked.
    pub fn count(&self) -> usize {
        let words = self.marked_words();
        words.map(|at| self.words[at].count_ones() as usize).sum()
    }

    /// The marked numbers, lowest first.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        let words = self.marked_words();
        words.flat_map(|at| Ones(self.words[at]).map(move |bit| at as u32 * u64::BITS + bit))
    }

    /// Unmarks all.
    pub fn clear(&mut self) {
        for (upper, bits) in self.upper.iter_mut().enumerate() {
            for bit in Ones(std::mem::take(bits)) {
                self.words[upper * u64::BITS as usize + bit as usize] = 0;
            }
        }
    }

    fn marked_words(&self) -> impl Iterator<Item = usize> {
        let upper = self.upper.iter().enumerate();
        upper.flat_map(|(at, &bits)| {
            Ones(bits).map(move |bit| at * u64::BITS as usize + bit as usize)
        })
    }
}

fn zeros(count: usize) -> Option<Vec<u64>> {
    let mut zeros = Vec::new();
    zeros.try_reserve_exact(count).ok()?;
    zeros.resize(count, 0);
    Some(zeros)
}
