// SPDX-License-Identifier: MIT OR Apache-2.0
//! Contexts, wherever they are.

use core::convert::Infallible;

use crate::value::Words;

/// The place of an object's contexts: [`Local`], or a table of the device.
pub trait Storage: Batches {
    /// The result of an operation: the value itself in the process, where nothing fails.
    type Result<T>;

    #[doc(hidden)]
    fn give<T>(result: Result<T, Self::Error>) -> Self::Result<T>;
}

/// An operation on the context of this number in the object.
#[derive(Clone, Copy, Debug)]
pub enum Operation {
    Load(usize, u64),
    Accum(usize, u64),
    /// Returns the state.
    Swap(usize),
    /// A condition: the state before all operations.
    Expect(usize, u64),
    /// Returns the state before.
    Set(usize, u64),
}

/// What objects do with contexts. Nobody sees half of a call.
pub trait Batches {
    type Error;

    /// States of consecutive contexts.
    fn read(&self, first: usize, states: &mut [u64]) -> Result<(), Self::Error>;

    /// All operations in order, or, where a condition doesn't hold, none. Returns whether all hold.
    /// `states` gets what operations return.
    fn run(
        &mut self,
        operations: impl Iterator<Item = Operation> + Clone,
        states: &mut [u64],
    ) -> Result<bool, Self::Error>;

    /// Accumulates what `delta` makes of the states, without missing a change of others.
    fn change(
        &mut self,
        first: usize,
        states: &mut [u64],
        delta: impl FnMut(&[u64]) -> Words,
    ) -> Result<Words, Self::Error>;
}

/// Accumulates the words of a delta.
pub(crate) fn accums(
    first: usize,
    count: usize,
    delta: Words,
) -> impl Iterator<Item = Operation> + Clone {
    (0..count).map(move |at| Operation::Accum(first + at, delta.0[at]))
}

/// `N` contexts in the process.
#[derive(Clone, Debug)]
pub struct Local<const N: usize> {
    reference: [u64; N],
    accumulator: [u64; N],
}

impl<const N: usize> Local<N> {
    pub(crate) const ZERO: Self = Self {
        reference: [0; N],
        accumulator: [0; N],
    };

    fn state(&self, at: usize) -> u64 {
        self.reference[at] ^ self.accumulator[at]
    }
}

impl<const N: usize> Storage for Local<N> {
    type Result<T> = T;

    fn give<T>(result: Result<T, Infallible>) -> T {
        let Ok(value) = result;
        value
    }
}

impl<const N: usize> Batches for Local<N> {
    type Error = Infallible;

    fn read(&self, first: usize, states: &mut [u64]) -> Result<(), Infallible> {
        for (at, state) in (first..).zip(states) {
            *state = self.state(at);
        }
        Ok(())
    }

    fn run(
        &mut self,
        operations: impl Iterator<Item = Operation> + Clone,
        states: &mut [u64],
    ) -> Result<bool, Infallible> {
        let fails = |operation| match operation {
            Operation::Expect(at, state) => self.state(at) != state,
            _ => false,
        };
        if operations.clone().any(fails) {
            return Ok(false);
        }
        let mut states = states.iter_mut();
        for operation in operations {
            match operation {
                Operation::Load(at, value) => {
                    self.reference[at] = value;
                    self.accumulator[at] = 0;
                }
                Operation::Accum(at, delta) => self.accumulator[at] ^= delta,
                Operation::Swap(at) | Operation::Set(at, _) => {
                    let before = self.state(at);
                    if let Operation::Set(_, new) = operation {
                        self.accumulator[at] = self.reference[at] ^ new;
                    } else {
                        self.reference[at] = before;
                        self.accumulator[at] = 0;
                    }
                    if let Some(state) = states.next() {
                        *state = before;
                    }
                }
                Operation::Expect(..) => {}
            }
        }
        Ok(true)
    }

    fn change(
        &mut self,
        first: usize,
        states: &mut [u64],
        mut delta: impl FnMut(&[u64]) -> Words,
    ) -> Result<Words, Infallible> {
        self.read(first, states)?;
        let delta = delta(states);
        self.run(accums(first, states.len(), delta), &mut [])?;
        Ok(delta)
    }
}
