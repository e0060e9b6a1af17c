// SPDX-License-Identifier: MIT OR Apache-2.0
//! An object as its schema says, as plainly as it can be said: all languages are held to this.

use num_bigint::BigUint;

use crate::message::{self, Refused};
use crate::schema::{Encoding, Field, FieldType, Schema};

/// An object in the process. Fields go by their number in the schema.
pub struct Object<'a> {
    schema: &'a Schema,
    /// Of each field, as it lies in the contexts.
    words: Vec<Words>,
    /// Accums that rollback undoes: field and delta, as it lies, the newest last.
    history: Vec<(usize, BigUint)>,
}

struct Words {
    reference: BigUint,
    accumulator: BigUint,
}

impl<'a> Object<'a> {
    pub fn new(schema: &'a Schema) -> Self {
        let new = |field: &Field| Words {
            reference: lay(field, &field.default),
            accumulator: BigUint::ZERO,
        };
        Object {
            schema,
            words: schema.fields.iter().map(new).collect(),
            history: Vec::new(),
        }
    }

    pub fn load(&mut self, at: usize, value: &BigUint) {
        let reference = lay(&self.schema.fields[at], value);
        self.words[at] = Words {
            reference,
            accumulator: BigUint::ZERO,
        };
        self.history.retain(|(field, _)| *field != at);
    }

    /// Returns the message, where the field is a delta_stream.
    pub fn accum(&mut self, at: usize, delta: &BigUint) -> Option<Vec<u8>> {
        let field = &self.schema.fields[at];
        self.accum_laid(at, lay(field, delta));
        let is_stream = field.kind == FieldType::DeltaStream;
        is_stream.then(|| message::encode(self.schema, field, &lay(field, delta)))
    }

    fn accum_laid(&mut self, at: usize, delta: BigUint) {
        self.words[at].accumulator ^= &delta;
        self.history.push((at, delta));
        let depth = self.schema.operations.rollback.unwrap_or(0) as usize;
        if self.history.len() > depth {
            self.history.remove(0);
        }
    }

    pub fn read(&self, at: usize) -> BigUint {
        lift(&self.schema.fields[at], &self.state(at))
    }

    fn state(&self, at: usize) -> BigUint {
        &self.words[at].reference ^ &self.words[at].accumulator
    }

    pub fn swap(&mut self, at: usize) -> BigUint {
        let state = self.read(at);
        self.load(at, &state);
        state
    }

    /// Returns the delta.
    pub fn set(&mut self, at: usize, value: &BigUint) -> BigUint {
        let delta = (value & self.schema.fields[at].mask()) ^ self.read(at);
        self.accum(at, &delta);
        delta
    }

    pub fn test_bit(&self, at: usize, bit: u32) -> bool {
        self.read(at).bit(u64::from(bit))
    }

    /// Sets, clears or toggles a bit, and returns the delta.
    pub fn change_bit(&mut self, at: usize, bit: u32, change: Bit) -> BigUint {
        let is_set = self.test_bit(at, bit);
        let changes = match change {
            Bit::Set => !is_set,
            Bit::Clear => is_set,
            Bit::Toggle => true,
        };
        let delta = BigUint::from(u8::from(changes)) << bit;
        self.accum(at, &delta);
        delta
    }

    /// x, y and t are 0 to 3.
    pub fn read_cell(&self, at: usize, [x, y, t]: [u32; 3]) -> BigUint {
        let bits = self.schema.fields[at].width / 64;
        (self.read(at) >> ((x + 4 * y + 16 * t) * bits)) & cell_mask(bits)
    }

    pub fn accum_cell(
        &mut self,
        at: usize,
        [x, y, t]: [u32; 3],
        delta: &BigUint,
    ) -> Option<Vec<u8>> {
        let bits = self.schema.fields[at].width / 64;
        self.accum(
            at,
            &((delta & cell_mask(bits)) << ((x + 4 * y + 16 * t) * bits)),
        )
    }

    /// Sets fields that are no delta_stream, in the order of the schema.
    pub fn update(&mut self, values: &[(usize, BigUint)]) {
        for (at, value) in values {
            self.set(*at, value);
        }
    }

    /// Does so if fields have the states that are expected.
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
        let steps = steps.min(self.history.len());
        for (at, delta) in self.history.split_off(self.history.len() - steps) {
            self.words[at].accumulator ^= delta;
        }
        steps
    }

    pub fn apply(&mut self, at: usize, bytes: &[u8]) -> Result<(), Refused> {
        let delta = message::decode(self.schema, &self.schema.fields[at], bytes)?;
        self.accum_laid(at, delta);
        Ok(())
    }

    /// States of the contexts.
    pub fn contexts(&self) -> Vec<u64> {
        let words = self
            .schema
            .fields
            .iter()
            .enumerate()
            .flat_map(|(at, field)| {
                let mut digits = self.state(at).to_u64_digits();
                digits.resize(field.contexts() as usize, 0);
                digits
            });
        words.collect()
    }
}

#[derive(Clone, Copy, Debug)]
pub enum Bit {
    Set,
    Clear,
    Toggle,
}

fn cell_mask(bits: u32) -> BigUint {
    (BigUint::from(1u8) << bits) - 1u8
}

/// A value's bits as they lie in the contexts. `lay(a ^ b) == lay(a) ^ lay(b)`, so deltas may be
/// laid before or after they are combined.
pub fn lay(field: &Field, value: &BigUint) -> BigUint {
    let value = value & field.mask();
    match field.encoding {
        // A 1 where a run of equal bits begins, counted from bit 0, with zeros below it.
        Encoding::Rle => (&value ^ (&value << 1u8)) & field.mask(),
        // Cells lie as they are numbered.
        Encoding::Raw | Encoding::Cells => value,
    }
}

/// The value of bits that lie in the contexts.
pub fn lift(field: &Field, laid: &BigUint) -> BigUint {
    let mut value = laid.clone();
    if field.encoding == Encoding::Rle {
        let mut shift = 1;
        while shift < field.width {
            value = (&value ^ (&value << shift)) & field.mask();
            shift *= 2;
        }
    }
    value
}
