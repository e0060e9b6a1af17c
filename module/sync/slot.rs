// SPDX-License-Identifier: GPL-2.0

//! [`Slot`], one of the ways into a [`BrLock`](super::brlock::BrLock).

use kernel::sync::atomic::{Acquire, Atomic, Relaxed, Release};

/// One reader inside.
///
/// The word has room for 2^23 of them, more than Linux has threads (2^22).
const READER: u64 = 1;
const READERS: u64 = OP - 1;
/// One operation counted in the slot.
const OP: u64 = 1 << 23;
const OPS: u64 = CLOSED - OP;
/// The highest bit of the count: once it is set, the next to enter moves so many operations
/// elsewhere; those inside can't count as many again before that.
const FULL: u64 = 1 << 62;
/// The slot is closed.
const CLOSED: u64 = 1 << 63;

/// The number of readers inside, whether the slot is closed, and the number of operations counted.
///
/// They share one word, so that entering, finding the slot open, and counting cost one atomic
/// instruction on the way in and one on the way out.
pub(crate) struct Slot {
    word: Atomic<u64>,
}

/// The state of a slot just before a reader entered or left.
#[derive(Clone, Copy)]
pub(crate) struct Found(u64);

impl Found {
    /// Whether the reader may stay. Otherwise the slot is closed, or full.
    #[inline]
    pub(crate) fn is_open(self) -> bool {
        self.0 & (CLOSED | FULL) == 0
    }

    #[inline]
    pub(crate) fn is_closed(self) -> bool {
        self.0 & CLOSED != 0
    }

    /// Whether exactly one reader was inside.
    pub(crate) fn has_one_reader(self) -> bool {
        self.0 & READERS == READER
    }

    /// Whether the reader may stay, and is alone.
    #[inline]
    pub(crate) fn is_open_and_empty(self) -> bool {
        self.0 & (CLOSED | FULL | READERS) == 0
    }
}

impl Slot {
    /// A closed slot.
    pub(crate) fn new() -> Self {
        Self {
            word: Atomic::new(CLOSED),
        }
    }

    /// Enters the slot; each call is followed by one of [`Self::leave`].
    #[inline]
    pub(crate) fn enter(&self) -> Found {
        // Acquire: pairs with the Release in `open_and_enter`, so that a reader who finds the slot
        // open sees what the last writer wrote, and with the one in `leave`, so that a reader who
        // finds it empty sees what the last one inside wrote. No more is needed: a writer changes
        // this very word, so that either it sees this reader inside, or the reader sees the slot
        // closed.
        Found(self.word.fetch_add(READER, Acquire))
    }

    /// Leaves the slot after `ops` operations, 1 or none. A writer may be waiting for that if the
    /// slot is found closed.
    #[inline]
    pub(crate) fn leave(&self, ops: u32) -> Found {
        let change = u64::from(ops).wrapping_mul(OP).wrapping_sub(READER);
        // Release: pairs with the Acquire in `close`, `is_empty` and `enter`, so that whoever finds
        // the slot empty sees what was done inside.
        Found(self.word.fetch_add(change, Release))
    }

    /// Closes the slot and returns whether it is empty. Only one caller at a time may do so.
    pub(crate) fn close(&self) -> bool {
        // Acquire: see `leave`.
        self.word.fetch_add(CLOSED, Acquire) & READERS == 0
    }

    /// Whether the slot is empty. (A reader who finds it closed is inside too, briefly.)
    pub(crate) fn is_empty(&self) -> bool {
        // Acquire: see `leave`.
        self.word.load(Acquire) & READERS == 0
    }

    /// Opens the closed slot, and enters it in the same moment.
    pub(crate) fn open_and_enter(&self) {
        // Release: see `enter`. The caller itself has seen what the last writer wrote, as it holds
        // the mutex of writers.
        self.word.fetch_sub(CLOSED - READER, Release);
    }

    /// Whether so many operations were counted that half of what fits is to be taken out.
    pub(crate) fn is_full(&self) -> bool {
        // Relaxed, here and below: a statistic, which orders nothing.
        self.word.load(Relaxed) & FULL != 0
    }

    /// Takes operations out of a full slot and returns how many. Only one caller at a time may do
    /// so.
    pub(crate) fn take_ops(&self) -> u64 {
        if !self.is_full() {
            return 0;
        }
        self.word.fetch_sub(FULL, Relaxed);
        FULL / OP
    }

    /// Operations that were counted and not taken out.
    pub(crate) fn ops(&self) -> u64 {
        (self.word.load(Relaxed) & OPS) / OP
    }
}
