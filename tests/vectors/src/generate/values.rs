// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Values`]: numbers that look random and are the same each time.

use num_bigint::BigUint;

use crate::model::{Value, mix};

pub struct Values(u64);

impl Values {
    /// Numbers that are this seed's own.
    pub fn new(seed: u64) -> Self {
        Self(mix(seed.wrapping_add(1)))
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e3779b97f4a7c15);
        mix(self.0)
    }

    /// A number below a limit.
    pub fn below(&mut self, limit: u32) -> u32 {
        (self.next() % u64::from(limit)) as u32
    }

    /// One of a few.
    pub fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u32) as usize]
    }

    /// A value of some more bits than the width, or one that is special to the width.
    pub fn value(&mut self, width: u32) -> Value {
        let one = || BigUint::from(1u32);
        match self.below(8) {
            0 => Value::ZERO,
            1 => one(),
            2 => (one() << width) - 1u32,
            3 => one() << (width - 1),
            4 => one() << width,
            _ => BigUint::from_bytes_le(&self.bytes(width as usize / 8 + 2)),
        }
    }

    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }
}
