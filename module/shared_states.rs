// SPDX-License-Identifier: GPL-2.0

//! [`SharedStates`], the states of a table that programs may change at any time.

use crate::{
    kernel_ext::atomic_xor::atomic_xor,
    logic::{
        context::{State, States},
        index,
    },
    sequence::Sequence,
};
use kernel::sync::atomic::{Atomic, Full, Relaxed};

/// The states of a table that only programs that have mapped it use meanwhile.
pub(crate) struct SharedStates<'a> {
    states: &'a [Atomic<u64>],
    sequence: Sequence<'a>,
}

/// One of them.
pub(crate) struct SharedState<'a, 'b> {
    state: &'b Atomic<u64>,
    sequence: &'b mut Sequence<'a>,
}

impl<'a> SharedStates<'a> {
    #[inline]
    pub(crate) fn new(states: &'a [Atomic<u64>], sequence: Sequence<'a>) -> Self {
        Self { states, sequence }
    }
}

impl<'a> States for SharedStates<'a> {
    type State<'b>
        = SharedState<'a, 'b>
    where
        Self: 'b;

    #[inline]
    fn state(&mut self, number: usize, mask: usize) -> Option<SharedState<'a, '_>> {
        let number = index::checked(number, self.states.len(), mask)?;
        Some(SharedState {
            state: self.states.get(number)?,
            sequence: &mut self.sequence,
        })
    }
}

impl State for SharedState<'_, '_> {
    // The orderings are those of `contexts.rs`.
    #[inline]
    fn get(&mut self) -> u64 {
        self.state.load(Relaxed)
    }

    #[inline]
    fn replace(&mut self, value: u64) -> u64 {
        self.sequence.change();
        self.state.xchg(value, Full)
    }

    #[inline]
    fn xor(&mut self, delta: u64) {
        self.sequence.change();
        atomic_xor(self.state, delta);
    }
}
