// SPDX-License-Identifier: GPL-2.0

//! Stands in for the driver's file of this name. No program changes a state by itself here, as loom
//! could not see it.

use crate::{contexts::Contexts, kernel_ext::gfp, sequence::Sequence};
use kernel::{
    loom,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc,
    },
};
use std::sync::atomic::{AtomicBool, Ordering};

pub(crate) struct MappedStates {
    states: Vec<Atomic<u64>>,
    sequence: Atomic<u64>,
}

impl MappedStates {
    pub(crate) fn new(count: u32) -> Result<Arc<Self>> {
        let states = (0..count).map(|_| Atomic::new(0)).collect();
        let sequence = Atomic::new(0);
        Arc::new(Self { states, sequence }, gfp::charged())
    }

    pub(crate) fn bytes(&self) -> u64 {
        0
    }

    pub(crate) fn states(&self) -> &[Atomic<u64>] {
        &self.states
    }

    pub(crate) fn sequence(&self) -> Sequence<'_> {
        Sequence::new(self.sequence_number())
    }

    /// The sequence as programs that have mapped it see it.
    pub(crate) fn sequence_number(&self) -> &Atomic<u64> {
        &self.sequence
    }
}

/// A mapping of all of a table.
pub(crate) struct MapRequest(u32);

impl MapRequest {
    pub(crate) fn table_id(&self) -> u32 {
        self.0
    }

    pub(crate) fn check(&self, _: u32) -> Result {
        Ok(())
    }
}

/// Whether the states of a table of `count` contexts can be moved to pages for `new` states. Makes
/// sure that they are in the new pages then, and otherwise where they were. With `again`, they have
/// been moved before.
pub fn states_can_move(count: u32, new: u32, again: bool) -> bool {
    let moved = std::sync::Arc::new(AtomicBool::new(false));
    let inside = std::sync::Arc::clone(&moved);
    loom::model(move || {
        let mut contexts = Contexts::new(count).expect("contexts");
        let last = count - 1;
        contexts.load(last, 5).expect("within the table");
        if again {
            let first = MappedStates::new(count).expect("pages");
            contexts.map(first).expect("pages for all");
        }
        let result = contexts.map(MappedStates::new(new).expect("pages"));
        assert_eq!(contexts.read(last), Ok(5));
        match result {
            Ok(states) => assert_eq!(states.states()[last as usize].load(Relaxed), 5),
            Err(error) => {
                assert_eq!(error, EAGAIN);
                assert_eq!(contexts.mapped().is_some(), again);
                return;
            }
        }
        inside.store(true, Ordering::Relaxed);
    });
    moved.load(Ordering::Relaxed)
}
