// SPDX-License-Identifier: GPL-2.0

//! [`SharedStates`], the states of a table that programs may change at any time.

use crate::{
    kernel_ext::atomic_xor::atomic_xor,
    logic::{
        context::{State, States},
        index,
    },
};
use kernel::sync::atomic::{Atomic, Full, Relaxed};

/// The states of a table that only programs that have mapped it use meanwhile.
pub(crate) struct SharedStates<'a>(pub(crate) &'a [Atomic<u64>]);

/// One of them.
pub(crate) struct SharedState<'a>(&'a Atomic<u64>);

impl States for SharedStates<'_> {
    type State<'b>
        = SharedState<'b>
    where
        Self: 'b;

    #[inline]
    fn state(&mut self, number: usize, mask: usize) -> Option<SharedState<'_>> {
        let number = index::checked(number, self.0.len(), mask)?;
        self.0.get(number).map(SharedState)
    }
}

impl State for SharedState<'_> {
    // The orderings are those of `contexts.rs`.
    #[inline]
    fn get(&mut self) -> u64 {
        self.0.load(Relaxed)
    }

    #[inline]
    fn replace(&mut self, value: u64) -> u64 {
        self.0.xchg(value, Full)
    }

    #[inline]
    fn xor(&mut self, delta: u64) {
        atomic_xor(self.0, delta);
    }
}
