// SPDX-License-Identifier: MIT OR Apache-2.0

//! A context by its definition, to compare the driver with.

/// A context: its state is `reference ^ accumulator`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Context {
    reference: u64,
    accumulator: u64,
}

impl Context {
    pub fn load(&mut self, value: u64) {
        *self = Context {
            reference: value,
            accumulator: 0,
        };
    }

    /// Reference and accumulator.
    pub fn words(&self) -> (u64, u64) {
        (self.reference, self.accumulator)
    }

    /// Sets both.
    pub fn set(&mut self, reference: u64, accumulator: u64) {
        *self = Context {
            reference,
            accumulator,
        };
    }

    pub fn accum(&mut self, delta: u64) {
        self.accumulator ^= delta;
    }

    pub fn read(&self) -> u64 {
        self.reference ^ self.accumulator
    }

    pub fn swap(&mut self, new_reference: u64) -> u64 {
        let state = self.read();
        self.load(if new_reference == 0 {
            state
        } else {
            new_reference
        });
        state
    }
}
