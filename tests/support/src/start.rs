// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Start`]: the moment at which threads begin to race.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

/// A meeting of threads. They wait actively, as one that has to be woken comes too late for a race.
pub struct Start {
    missing: AtomicUsize,
}

impl Start {
    /// A meeting of so many threads.
    pub fn of(threads: usize) -> Self {
        Self {
            missing: AtomicUsize::new(threads),
        }
    }

    /// Waits for the others.
    pub fn wait(&self) {
        self.missing.fetch_sub(1, Ordering::AcqRel);
        let mut rounds = 0u32;
        while self.missing.load(Ordering::Acquire) > 0 {
            rounds = rounds.wrapping_add(1);
            // There may be fewer processors than threads.
            if rounds % 128 == 0 {
                thread::yield_now();
            } else {
                std::hint::spin_loop();
            }
        }
    }
}
