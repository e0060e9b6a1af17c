// SPDX-License-Identifier: GPL-2.0

//! Reads of several mapped states as of one moment, by the crate's own file, beside changes by the
//! driver's own.

mod atomic;
#[path = "../../../../userspace-tool/lib/src/table_map/sequence.rs"]
mod sequence;

use crate::{
    case::explore,
    contexts::{Contexts, Exclusive},
    mapped::MappedStates,
};
use atomic::{AtomicU64, Ordering};
use kernel::loom;
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

/// The contexts that a writer changes and a reader reads.
const CONTEXTS: u32 = 2;

/// How often the reader tries.
const ATTEMPTS: u32 = 2;

/// States that a read has returned; none where a writer was always at work.
pub type Seen = Option<[u64; CONTEXTS as usize]>;

/// Has a writer add 1 to all states of a mapped table, `changes` times one after another, each as
/// one, while a reader reads them. Returns all that it has seen, over all interleavings.
pub fn consistent_reads(changes: u64) -> BTreeSet<Seen> {
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let all = Arc::clone(&seen);
    explore(1, None, move || {
        let mut contexts = Contexts::new(CONTEXTS).expect("contexts");
        let pages = MappedStates::new(CONTEXTS).expect("pages");
        let pages = contexts.map(pages).expect("pages for all");
        let writer = loom::thread::spawn(move || {
            for change in 0..changes {
                let Exclusive::Mapped(mut table) = contexts.exclusive() else {
                    unreachable!("it is mapped");
                };
                for addr in 0..CONTEXTS {
                    // By either way to change a state: the delta is that of an addition of 1.
                    if addr % 2 == 0 {
                        table.accum(addr, change ^ (change + 1)).expect("a context");
                    } else {
                        table.set_state(addr, change + 1).expect("a context");
                    }
                }
            }
        });
        let number = AtomicU64(pages.sequence_number());
        let read = || {
            let states = pages.states().iter();
            let states: Vec<_> = states
                .map(|state| AtomicU64(state).load(Ordering::Relaxed))
                .collect();
            states.try_into().expect("all states")
        };
        let result: Seen = (0..ATTEMPTS).find_map(|_| sequence::attempt(&number, read));
        all.lock().unwrap().insert(result);
        writer.join().expect("no panic");
    });
    let seen = seen.lock().unwrap();
    seen.clone()
}
