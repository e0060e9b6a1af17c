// SPDX-License-Identifier: GPL-2.0

//! Tables that programs have mapped, but for the programs: what they do by themselves loom can't
//! see.

use crate::{
    contexts::Contexts,
    gfp,
    logic::{
        context::{State, States},
        index,
    },
    xor::atomic_xor,
};
use kernel::{
    loom,
    prelude::*,
    sync::{
        atomic::{Atomic, Full, Relaxed},
        Arc,
    },
};
use std::sync::atomic::{AtomicBool, Ordering};

pub(crate) struct MappedStates(Vec<Atomic<u64>>);

impl MappedStates {
    pub(crate) fn new(count: u32) -> Result<Arc<Self>> {
        let states = (0..count).map(|_| Atomic::new(0)).collect();
        Arc::new(Self(states), gfp::charged())
    }

    pub(crate) fn bytes(&self) -> u64 {
        0
    }

    pub(crate) fn states(&self) -> &[Atomic<u64>] {
        &self.0
    }
}

/// A mapping of all of a table.
pub(crate) struct Wanted(u32);

impl Wanted {
    pub(crate) fn table_id(&self) -> u32 {
        self.0
    }

    pub(crate) fn check(&self, _: u32) -> Result {
        Ok(())
    }
}

/// Moves the states of a table of `count` contexts to a room for `room`. Returns whether that was
/// done, having made sure that the states are there then, and otherwise where they were. With
/// `again`, they have been moved before.
pub fn moves(count: u32, room: u32, again: bool) -> bool {
    let moved = std::sync::Arc::new(AtomicBool::new(false));
    let in_model = std::sync::Arc::clone(&moved);
    loom::model(move || {
        let mut contexts = Contexts::new(count).expect("contexts");
        let last = count - 1;
        contexts.load(last, 5).expect("within the table");
        if again {
            let room = MappedStates::new(count).expect("room");
            contexts.map(room).expect("room for them");
        }
        let result = contexts.map(MappedStates::new(room).expect("room"));
        assert_eq!(contexts.read(last), Ok(5));
        match result {
            Ok(states) => assert_eq!(states.states()[last as usize].load(Relaxed), 5),
            Err(error) => {
                assert_eq!(error, EAGAIN);
                assert_eq!(contexts.mapped().is_some(), again);
                return;
            }
        }
        in_model.store(true, Ordering::Relaxed);
    });
    moved.load(Ordering::Relaxed)
}

pub(crate) struct Shared<'a>(pub(crate) &'a [Atomic<u64>]);

pub(crate) struct SharedState<'a>(&'a Atomic<u64>);

impl States for Shared<'_> {
    type State<'b>
        = SharedState<'b>
    where
        Self: 'b;

    fn state(&mut self, number: usize, mask: usize) -> Option<SharedState<'_>> {
        let number = index::checked(number, self.0.len(), mask)?;
        self.0.get(number).map(SharedState)
    }
}

impl State for SharedState<'_> {
    fn get(&mut self) -> u64 {
        self.0.load(Relaxed)
    }

    fn replace(&mut self, value: u64) -> u64 {
        self.0.xchg(value, Full)
    }

    fn xor(&mut self, delta: u64) {
        atomic_xor(self.0, delta);
    }
}
