// SPDX-License-Identifier: MIT OR Apache-2.0
//! What all objects have in common.

#![allow(dead_code, reason = "not every schema needs all of it")]

use alloc::collections::VecDeque;
use core::fmt;

use crate::message::{self, Message, MessageError};
use crate::store::{Local, Operation, Storage, accums};
use crate::value::{Value, Words};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Raw,
    Rle,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Xor,
    Rle,
}

/// A field, as the schema has it.
#[derive(Debug)]
pub(crate) struct Field {
    pub number: usize,
    pub first: usize,
    pub width: u32,
    pub encoding: Encoding,
    pub compression: Compression,
    /// Words, the lowest first.
    pub default: [u64; 4],
    /// What tells its messages from those of others.
    pub tag: u32,
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
#[derive(Clone)]
pub(crate) struct Contexts<S, const N: usize, const W: usize, const DEPTH: usize> {
    storage: S,
    history: VecDeque<(usize, [u64; W])>,
    fields: &'static [Field],
}

impl<const N: usize, const W: usize, const DEPTH: usize> Contexts<Local<N>, N, W, DEPTH> {
    pub(crate) fn new(fields: &'static [Field]) -> Self {
        let mut new = Self::on(Local::ZERO, fields);
        Local::<N>::give(new.reset());
        new
    }
}

impl<S: fmt::Debug, const N: usize, const W: usize, const DEPTH: usize> fmt::Debug
    for Contexts<S, N, W, DEPTH>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contexts")
            .field("storage", &self.storage)
            .field("history", &self.history)
            .finish_non_exhaustive()
    }
}

/// The words of what lies in a field, with the numbers of their contexts.
fn words(field: &Field, laid: Words) -> impl Iterator<Item = (usize, u64)> + Clone + use<> {
    let first = field.first;
    (0..field.contexts()).map(move |at| (first + at, laid.0[at]))
}

/// Fields that have a value.
fn given(
    fields: &'static [Field],
    values: &[Option<Words>],
) -> impl Iterator<Item = (&'static Field, Words)> + Clone {
    let pairs = fields.iter().zip(values);
    pairs.filter_map(|(field, value)| Some((field, field.lay((*value)?))))
}

impl<S: Storage, const N: usize, const W: usize, const DEPTH: usize> Contexts<S, N, W, DEPTH> {
    pub(crate) fn on(storage: S, fields: &'static [Field]) -> Self {
        Self {
            storage,
            history: VecDeque::new(),
            fields,
        }
    }

    pub(crate) fn reset(&mut self) -> Result<(), S::Error> {
        let defaults = self.fields.iter().flat_map(|field| {
            let loads = words(field, field.lay(crate::U256(field.default)));
            loads.map(|(at, value)| Operation::Load(at, value))
        });
        self.storage.run(defaults, &mut [])?;
        self.history.clear();
        Ok(())
    }

    pub(crate) fn states(&self) -> Result<[u64; N], S::Error> {
        let mut states = [0; N];
        self.storage.read(0, &mut states)?;
        Ok(states)
    }

    /// The last `DEPTH` deltas are kept.
    fn remember(&mut self, field: &Field, laid: Words) {
        if DEPTH > 0 {
            if self.history.len() == DEPTH {
                self.history.pop_front();
            }
            let delta = core::array::from_fn(|at| laid.0[at]);
            self.history.push_back((field.number, delta));
        }
    }

    fn forget(&mut self, field: usize) {
        self.history.retain(|(number, _)| *number != field);
    }

    pub(crate) fn load<T: Value>(&mut self, field: usize, value: T) -> Result<(), S::Error> {
        let to = &self.fields[field];
        let loads = words(to, to.lay(value.words()));
        let loads = loads.map(|(at, value)| Operation::Load(at, value));
        self.storage.run(loads, &mut [])?;
        self.forget(field);
        Ok(())
    }

    fn read_words(&self, field: &Field) -> Result<Words, S::Error> {
        let mut laid = Words::ZERO;
        let states = &mut laid.0[..field.contexts()];
        self.storage.read(field.first, states)?;
        Ok(field.lift(laid))
    }

    pub(crate) fn read<T: Value>(&self, field: usize) -> Result<T, S::Error> {
        self.read_words(&self.fields[field]).map(T::of)
    }

    fn accum_laid(&mut self, field: &Field, laid: Words) -> Result<(), S::Error> {
        let accums = accums(field.first, field.contexts(), laid);
        self.storage.run(accums, &mut [])?;
        self.remember(field, laid);
        Ok(())
    }

    pub(crate) fn accum<T: Value>(&mut self, field: usize, delta: T) -> Result<(), S::Error> {
        let to = &self.fields[field];
        self.accum_laid(to, to.lay(delta.words()))
    }

    /// Accumulates a delta, and returns the message of it.
    pub(crate) fn send<T: Value>(&mut self, field: usize, delta: T) -> Result<Message, S::Error> {
        self.accum(field, delta)?;
        Ok(Message::of(&self.fields[field], delta))
    }

    pub(crate) fn apply(
        &mut self,
        field: usize,
        bytes: &[u8],
    ) -> Result<Result<(), MessageError>, S::Error> {
        let to = &self.fields[field];
        match message::open(to, bytes) {
            Ok(laid) => self.accum_laid(to, laid).map(Ok),
            Err(error) => Ok(Err(error)),
        }
    }

    pub(crate) fn swap<T: Value>(&mut self, field: usize) -> Result<T, S::Error> {
        let of = &self.fields[field];
        let mut laid = Words::ZERO;
        let swaps = words(of, laid).map(|(at, _)| Operation::Swap(at));
        self.storage.run(swaps, &mut laid.0)?;
        self.forget(field);
        Ok(T::of(of.lift(laid)))
    }

    pub(crate) fn set<T: Value>(&mut self, field: usize, value: T) -> Result<T, S::Error> {
        let of = &self.fields[field];
        let new = of.lay(value.words());
        let mut before = Words::ZERO;
        let sets = words(of, new).map(|(at, state)| Operation::Set(at, state));
        self.storage.run(sets, &mut before.0)?;
        self.remember(of, before ^ new);
        Ok(T::of(of.lift(before ^ new)))
    }

    pub(crate) fn test_bit(&self, field: usize, number: u32) -> Result<bool, S::Error> {
        let of = &self.fields[field];
        let bit = bit(of, number);
        Ok(self.read_words(of)? & bit == bit)
    }

    /// Accumulates what `delta` makes of the state.
    fn change<T: Value>(
        &mut self,
        field: usize,
        delta: impl Fn(Words) -> Words,
    ) -> Result<T, S::Error> {
        let of = &self.fields[field];
        let mut states = [0; 4];
        let delta = |states: &[u64]| {
            let mut laid = Words::ZERO;
            laid.0[..states.len()].copy_from_slice(states);
            of.lay(delta(of.lift(laid)))
        };
        let states = &mut states[..of.contexts()];
        let laid = self.storage.change(of.first, states, delta)?;
        self.remember(of, laid);
        Ok(T::of(of.lift(laid)))
    }

    pub(crate) fn set_bit<T: Value>(&mut self, field: usize, number: u32) -> Result<T, S::Error> {
        let bit = bit(&self.fields[field], number);
        self.change(field, |state| bit & !state)
    }

    pub(crate) fn clear_bit<T: Value>(&mut self, field: usize, number: u32) -> Result<T, S::Error> {
        let bit = bit(&self.fields[field], number);
        self.change(field, |state| bit & state)
    }

    pub(crate) fn toggle_bit<T: Value>(
        &mut self,
        field: usize,
        number: u32,
    ) -> Result<T, S::Error> {
        let delta = T::of(bit(&self.fields[field], number));
        self.accum(field, delta)?;
        Ok(delta)
    }

    pub(crate) fn read_cell(&self, field: usize, at: [u32; 3]) -> Result<u8, S::Error> {
        let of = &self.fields[field];
        let shift = cell(of, at);
        let cell = self.read_words(of)? >> shift;
        Ok(cell.low(of.width / 64).0[0] as u8)
    }

    /// The delta of a cell's.
    pub(crate) fn cell<T: Value>(&self, field: usize, at: [u32; 3], delta: u8) -> T {
        let of = &self.fields[field];
        let delta = Words::from(u64::from(delta)).low(of.width / 64);
        T::of(delta << cell(of, at))
    }

    pub(crate) fn update(&mut self, values: &[Option<Words>]) -> Result<(), S::Error> {
        self.compare_update(&[], values)?;
        Ok(())
    }

    pub(crate) fn compare_update(
        &mut self,
        expected: &[Option<Words>],
        values: &[Option<Words>],
    ) -> Result<bool, S::Error> {
        let expects = given(self.fields, expected)
            .flat_map(|(field, laid)| words(field, laid))
            .map(|(at, state)| Operation::Expect(at, state));
        let new = given(self.fields, values);
        let sets = (new.clone())
            .flat_map(|(field, laid)| words(field, laid))
            .map(|(at, state)| Operation::Set(at, state));
        let mut before = [0; N];
        if !self.storage.run(expects.chain(sets), &mut before)? {
            return Ok(false);
        }
        let mut before = before.into_iter();
        for (field, mut laid) in new {
            for (word, before) in laid.0[..field.contexts()].iter_mut().zip(&mut before) {
                *word ^= before;
            }
            self.remember(field, laid);
        }
        Ok(true)
    }

    pub(crate) fn rollback(&mut self, steps: usize) -> Result<usize, S::Error> {
        let count = steps.min(self.history.len());
        let mut deltas = [0; N];
        for (number, delta) in self.history.iter().rev().take(count) {
            let field = &self.fields[*number];
            let words = deltas[field.first..].iter_mut().zip(delta);
            for (word, delta) in words.take(field.contexts()) {
                *word ^= delta;
            }
        }
        let changes = (deltas.iter().enumerate()).filter(|(_, delta)| **delta != 0);
        let accums = changes.map(|(at, &delta)| Operation::Accum(at, delta));
        self.storage.run(accums, &mut [])?;
        self.history.truncate(self.history.len() - count);
        Ok(count)
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
