// SPDX-License-Identifier: MIT OR Apache-2.0
//! An object as its schema says, as plainly as it can be said: all languages are held to this.

use std::collections::{BTreeMap, VecDeque};

use num_bigint::BigUint;

use crate::encoding::{cell, lay, lift};
use crate::message::{self, Refused};
use crate::schema::{Field, FieldType, Schema};

/// An object in the process. Fields go by their number in the schema.
pub struct Object<'a> {
    schema: &'a Schema,
    /// Of each field that was changed: reference and accumulator, as they lie in the contexts.
    words: BTreeMap<usize, (BigUint, BigUint)>,
    /// Accums that rollback undoes: field and delta, as it lies, the newest last.
    history: VecDeque<(usize, BigUint)>,
}

#[derive(Clone, Copy, Debug)]
pub enum Bit {
    Set,
    Clear,
    Toggle,
}

impl<'a> Object<'a> {
    pub fn new(schema: &'a Schema) -> Self {
        Object {
            schema,
            words: BTreeMap::new(),
            history: VecDeque::new(),
        }
    }

    pub fn load(&mut self, at: usize, value: &BigUint) {
        let laid = lay(&self.schema.fields[at], value);
        self.words.insert(at, (laid, BigUint::ZERO));
        self.history.retain(|(field, _)| *field != at);
    }

    /// Returns the message, where the field is a delta_stream.
    pub fn accum(&mut self, at: usize, delta: &BigUint) -> Option<Vec<u8>> {
        let field = &self.schema.fields[at];
        let delta = lay(field, delta);
        self.accum_laid(at, delta.clone());
        let is_stream = field.kind == FieldType::DeltaStream;
        is_stream.then(|| message::encode(self.schema, field, &delta))
    }

    fn accum_laid(&mut self, at: usize, delta: BigUint) {
        self.xor(at, &delta);
        self.history.push_back((at, delta));
        if self.history.len() > self.schema.operations.rollback.unwrap_or(0) as usize {
            self.history.pop_front();
        }
    }

    fn xor(&mut self, at: usize, delta: &BigUint) {
        let initial = || (initial(&self.schema.fields[at]), BigUint::ZERO);
        self.words.entry(at).or_insert_with(initial).1 ^= delta;
    }

    pub fn read(&self, at: usize) -> BigUint {
        lift(&self.schema.fields[at], &self.laid(at))
    }

    fn laid(&self, at: usize) -> BigUint {
        match self.words.get(&at) {
            Some((reference, accumulator)) => reference ^ accumulator,
            None => initial(&self.schema.fields[at]),
        }
    }

    pub fn swap(&mut self, at: usize) -> BigUint {
        let state = self.read(at);
        self.load(at, &state);
        state
    }

    /// Returns the delta.
    pub fn set(&mut self, at: usize, value: &BigUint) -> BigUint {
        let delta = self.read(at) ^ value;
        self.accum(at, &delta);
        delta
    }

    pub fn test_bit(&self, at: usize, bit: u32) -> bool {
        self.read(at).bit(bit.into())
    }

    /// Returns the delta.
    pub fn change_bit(&mut self, at: usize, bit: u32, change: Bit) -> BigUint {
        let mut value = self.read(at);
        let new = match change {
            Bit::Set => true,
            Bit::Clear => false,
            Bit::Toggle => !self.test_bit(at, bit),
        };
        value.set_bit(bit.into(), new);
        self.set(at, &value)
    }

    /// x, y and t are 0 to 3.
    pub fn read_cell(&self, at: usize, xyt: [u32; 3]) -> BigUint {
        let (lowest, mask) = cell(&self.schema.fields[at], xyt);
        (self.read(at) >> lowest) & mask
    }

    pub fn accum_cell(&mut self, at: usize, xyt: [u32; 3], delta: &BigUint) -> Option<Vec<u8>> {
        let (lowest, mask) = cell(&self.schema.fields[at], xyt);
        self.accum(at, &((delta & mask) << lowest))
    }

    /// Sets fields that are no delta_stream, in the order of the schema.
    pub fn update(&mut self, values: &[(usize, BigUint)]) {
        for (at, value) in values {
            self.set(*at, value);
        }
    }

    /// Does so if fields have the states that are expected, and returns whether they have.
    pub fn compare_update(
        &mut self,
        expected: &[(usize, BigUint)],
        values: &[(usize, BigUint)],
    ) -> bool {
        let holds = expected.iter().all(|(at, state)| self.read(*at) == *state);
        if holds {
            self.update(values);
        }
        holds
    }

    /// Undoes the last accums, and returns how many.
    pub fn rollback(&mut self, steps: usize) -> usize {
        let kept = self.history.len().saturating_sub(steps);
        let undone = self.history.split_off(kept);
        for (at, delta) in &undone {
            self.xor(*at, delta);
        }
        undone.len()
    }

    pub fn apply(&mut self, at: usize, bytes: &[u8]) -> Result<(), Refused> {
        let delta = message::decode(self.schema, &self.schema.fields[at], bytes)?;
        self.accum_laid(at, delta);
        Ok(())
    }

    /// States of the contexts, of 64 bits each, the lowest first.
    pub fn contexts(&self) -> Vec<u64> {
        let mut states = Vec::new();
        for (at, field) in self.schema.fields.iter().enumerate() {
            let mut digits = self.laid(at).to_u64_digits();
            digits.resize(field.contexts() as usize, 0);
            states.extend(digits);
        }
        states
    }
}

/// What lies in the contexts of a new object's field.
fn initial(field: &Field) -> BigUint {
    lay(field, &field.default)
}
