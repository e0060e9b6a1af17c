// SPDX-License-Identifier: GPL-2.0

//! Tables that programs have mapped, of which there are none here: what programs do by themselves
//! loom can't see.

use crate::logic::context::{State, States};
use core::convert::Infallible;
use kernel::{
    prelude::*,
    sync::{atomic::Atomic, Arc},
};

pub(crate) struct MappedStates(Infallible);

impl MappedStates {
    pub(crate) fn new(_: usize) -> Result<Arc<Self>> {
        Err(ENOMEM)
    }

    pub(crate) fn bytes(&self) -> u64 {
        match self.0 {}
    }

    pub(crate) fn states(&self) -> &[Atomic<u64>] {
        match self.0 {}
    }
}

pub(crate) struct Shared<'a>(pub(crate) &'a [Atomic<u64>]);

pub(crate) struct SharedState(Infallible);

impl States for Shared<'_> {
    type State<'b>
        = SharedState
    where
        Self: 'b;

    fn state(&mut self, number: usize) -> Option<SharedState> {
        unreachable!("no table is mapped, of {} states: {number}", self.0.len())
    }
}

impl State for SharedState {
    fn get(&mut self) -> u64 {
        match self.0 {}
    }

    fn replace(&mut self, _: u64) -> u64 {
        match self.0 {}
    }

    fn xor(&mut self, _: u64) {
        match self.0 {}
    }
}
