// SPDX-License-Identifier: MIT OR Apache-2.0
//! What all objects have in common.

use alloc::collections::VecDeque;

use crate::message::{self, MessageError};
use crate::value::{Value, Words};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "schemas of all fields have all of these")]
pub(crate) enum Encoding {
    Raw,
    Rle,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "schemas of all fields have all of these")]
pub(crate) enum Compression {
    None,
    Xor,
    Rle,
}

/// A field, as the schema has it.
#[derive(Debug)]
pub(crate) struct Field {
    pub number: u32,
    pub first: usize,
    pub width: u32,
    pub encoding: Encoding,
    pub compression: Compression,
    pub default: Words,
    /// Begin of its messages.
    pub header: &'static [u8],
    /// Version of the schema, major and minor.
    pub version: (u64, u64),
}

impl Field {
    pub(crate) const fn contexts(&self) -> usize {
        self.width.div_ceil(64) as usize
    }

    /// The bits of a value as they lie in the contexts.
    pub(crate) fn lay(&self, value: Words) -> Words {
        match self.encoding {
            Encoding::Raw => value,
            Encoding::Rle => (value ^ (value << 1)).low(self.width),
        }
    }

    /// The value of bits that lie in the contexts.
    fn lift(&self, mut laid: Words) -> Words {
        if self.encoding == Encoding::Rle {
            let mut shift = 1;
            while shift < self.width {
                laid = (laid ^ (laid << shift)).low(self.width);
                shift *= 2;
            }
        }
        laid
    }
}

/// The contexts of an object of `N`, and the last `DEPTH` deltas of at most `W` words.
#[derive(Clone, Debug)]
pub(crate) struct Contexts<const N: usize, const W: usize, const DEPTH: usize> {
    reference: [u64; N],
    accumulator: [u64; N],
    history: VecDeque<(u32, [u64; W])>,
    fields: &'static [Field],
}

impl<const N: usize, const W: usize, const DEPTH: usize> Contexts<N, W, DEPTH> {
    pub(crate) fn new(fields: &'static [Field]) -> Self {
        let mut new = Self {
            reference: [0; N],
            accumulator: [0; N],
            history: VecDeque::new(),
            fields,
        };
        new.reset();
        new
    }

    pub(crate) fn reset(&mut self) {
        for field in self.fields {
            self.load_words(field, field.default);
        }
        self.history.clear();
    }

    pub(crate) fn states(&self) -> [u64; N] {
        core::array::from_fn(|at| self.reference[at] ^ self.accumulator[at])
    }

    fn load_words(&mut self, field: &Field, value: Words) {
        let laid = field.lay(value);
        for at in 0..field.contexts() {
            self.reference[field.first + at] = laid.0[at];
            self.accumulator[field.first + at] = 0;
        }
        if DEPTH > 0 {
            self.history.retain(|(number, _)| *number != field.number);
        }
    }

    fn read_words(&self, field: &Field) -> Words {
        let mut words = Words::ZERO;
        for at in 0..field.contexts() {
            words.0[at] = self.reference[field.first + at] ^ self.accumulator[field.first + at];
        }
        field.lift(words)
    }

    fn accum_laid(&mut self, field: &Field, laid: Words) {
        self.fold(field.number, laid);
        if DEPTH > 0 {
            if self.history.len() == DEPTH {
                self.history.pop_front();
            }
            let delta = core::array::from_fn(|at| laid.0[at]);
            self.history.push_back((field.number, delta));
        }
    }

    fn fold(&mut self, number: u32, laid: Words) {
        let field = &self.fields[number as usize];
        for at in 0..field.contexts() {
            self.accumulator[field.first + at] ^= laid.0[at];
        }
    }

    pub(crate) fn load<T: Value>(&mut self, field: &Field, value: T) {
        self.load_words(field, value.words());
    }

    pub(crate) fn read<T: Value>(&self, field: &Field) -> T {
        T::of(self.read_words(field))
    }

    pub(crate) fn accum<T: Value>(&mut self, field: &Field, delta: T) {
        self.accum_laid(field, field.lay(delta.words()));
    }

    pub(crate) fn swap<T: Value>(&mut self, field: &Field) -> T {
        let state = self.read_words(field);
        self.load_words(field, state);
        T::of(state)
    }

    pub(crate) fn set<T: Value>(&mut self, field: &Field, value: T) -> T {
        let delta = T::of(self.read_words(field) ^ value.words());
        self.accum(field, delta);
        delta
    }

    pub(crate) fn test_bit(&self, field: &Field, number: u32) -> bool {
        let bit = bit(field, number);
        self.read_words(field) & bit == bit
    }

    pub(crate) fn set_bit<T: Value>(&mut self, field: &Field, number: u32, set: bool) -> T {
        let changes = self.test_bit(field, number) != set;
        let delta = if changes {
            bit(field, number)
        } else {
            Words::ZERO
        };
        self.accum(field, T::of(delta));
        T::of(delta)
    }

    pub(crate) fn toggle_bit<T: Value>(&mut self, field: &Field, number: u32) -> T {
        let delta = T::of(bit(field, number));
        self.accum(field, delta);
        delta
    }

    pub(crate) fn read_cell(&self, field: &Field, at: [u32; 3]) -> u8 {
        let cell = self.read_words(field) >> cell(field, at);
        cell.low(field.width / 64).0[0] as u8
    }

    pub(crate) fn rollback(&mut self, steps: usize) -> usize {
        let mut undone = 0;
        while undone < steps {
            let Some((number, delta)) = self.history.pop_back() else {
                break;
            };
            let mut laid = Words::ZERO;
            laid.0[..W].copy_from_slice(&delta);
            self.fold(number, laid);
            undone += 1;
        }
        undone
    }

    pub(crate) fn apply(&mut self, field: &Field, bytes: &[u8]) -> Result<(), MessageError> {
        let laid = message::open(field, bytes)?;
        self.accum_laid(field, laid);
        Ok(())
    }
}

fn bit(field: &Field, number: u32) -> Words {
    assert!(
        number < field.width,
        "bit {number} of a field of {} bits",
        field.width
    );
    Words::from(1u64) << number
}

/// The lowest bit of a cell.
fn cell(field: &Field, [x, y, t]: [u32; 3]) -> u32 {
    assert!(x < 4 && y < 4 && t < 4, "cell ({x}, {y}, {t}) of 4 x 4 x 4");
    (x + 4 * y + 16 * t) * (field.width / 64)
}

pub(crate) fn cell_delta<T: Value>(field: &Field, at: [u32; 3], delta: u8) -> T {
    let delta = Words::from(u64::from(delta)).low(field.width / 64);
    T::of(delta << cell(field, at))
}
