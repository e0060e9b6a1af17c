// SPDX-License-Identifier: MIT OR Apache-2.0
//! An object as its schema says, as plainly as it can be said: all languages are held to this.

use num_bigint::BigUint;

use crate::encoding::{cell, lay, lift};
use crate::message::{self, Refused};
use crate::schema::{Field, FieldType, Schema};

/// An object in the process. Fields go by their number in the schema.
pub struct Object<'a> {
    schema: &'a Schema,
    /// Of each field: reference and accumulator, as they lie in the contexts.
    words: Vec<(BigUint, BigUint)>,
    /// Accums that rollback undoes: field and delta, as it lies, the newest last.
    history: Vec<(usize, BigUint)>,
}

#[derive(Clone, Copy, Debug)]
pub enum Bit {
    Set,
    Clear,
    Toggle,
}

impl<'a> Object<'a> {
    pub fn new(schema: &'a Schema) -> Self {
        let new = |field: &Field| (lay(field, &field.default), BigUint::ZERO);
        Object {
            schema,
            words: schema.fields.iter().map(new).collect(),
            history: Vec::new(),
        }
    }

    pub fn load(&mut self, at: usize, value: &BigUint) {
        self.words[at] = (lay(&self.schema.fields[at], value), BigUint::ZERO);
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
        self.words[at].1 ^= &delta;
        self.history.push((at, delta));
        if self.history.len() > self.schema.operations.rollback.unwrap_or(0) as usize {
            self.history.remove(0);
        }
    }

    pub fn read(&self, at: usize) -> BigUint {
        lift(&self.schema.fields[at], &self.laid(at))
    }

    fn laid(&self, at: usize) -> BigUint {
        &self.words[at].0 ^ &self.words[at].1
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
            self.words[*at].1 ^= delta;
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
