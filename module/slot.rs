// SPDX-License-Identifier: GPL-2.0

//! [`Slot`], one of the ways into a [`crate::brlock::BrLock`].

use kernel::sync::atomic::{Acquire, Atomic, Relaxed, Release};

/// One reader who is inside.
///
/// There is room for 2^23 of them, more than Linux has threads (2^22).
const READER: u64 = 1 << 40;
/// The way in is closed.
const CLOSED: u64 = 1 << 63;
const READERS: u64 = CLOSED - READER;
/// Operations that were counted here; what is beyond [`FULL`] is taken away by who comes in next,
/// and those inside can't count as many again.
const COUNTED: u64 = READER - 1;
const FULL: u64 = READER >> 1;

/// Who is inside, whether the way in is closed, and how many operations were counted, in one word:
/// so that coming in, finding the way open, and counting cost one atomic instruction each way.
pub(crate) struct Slot {
    word: Atomic<u64>,
}

/// What the slot was like when somebody came in, or before he left.
#[derive(Clone, Copy)]
pub(crate) struct Found(u64);

impl Found {
    /// Who finds this may stay. Otherwise a writer is at work, or the count is to be taken away.
    #[inline]
    pub(crate) fn open(self) -> bool {
        self.0 & (CLOSED | FULL) == 0
    }

    #[inline]
    pub(crate) fn closed(self) -> bool {
        self.0 & CLOSED != 0
    }

    /// Whether there was one inside.
    pub(crate) fn with_one(self) -> bool {
        self.0 & READERS == READER
    }

    /// Who finds this may stay and is alone.
    #[inline]
    pub(crate) fn open_and_empty(self) -> bool {
        self.0 & (CLOSED | FULL | READERS) == 0
    }
}

impl Slot {
    pub(crate) fn new() -> Self {
        Self {
            word: Atomic::new(0),
        }
    }

    /// Comes in; each call is followed by one of [`Self::leave`].
    #[inline]
    pub(crate) fn enter(&self) -> Found {
        // Acquire: pairs with the Release in `open`, so that who finds the way open sees what the
        // last writer wrote, and with the one in `leave`, so that who finds the slot empty sees
        // what the last one inside wrote. No more is needed: a writer changes this very word, so
        // that either he sees this reader inside, or the reader sees the way closed.
        Found(self.word.fetch_add(READER, Acquire))
    }

    /// Leaves, having done `ops` operations, 1 or none. Whoever leaves a closed slot has to see
    /// whether a writer waits for that.
    #[inline]
    pub(crate) fn leave(&self, ops: u32) -> Found {
        let change = u64::from(ops).wrapping_sub(READER);
        // Release: pairs with the Acquire in `close`, `is_empty` and `enter`: what was done inside
        // is seen by who finds the slot empty.
        Found(self.word.fetch_add(change, Release))
    }

    /// Closes the way in. Returns whether nobody is inside. Only one at a time may do so.
    pub(crate) fn close(&self) -> bool {
        // Acquire: see `leave`.
        self.word.fetch_add(CLOSED, Acquire) & READERS == 0
    }

    /// Whether nobody is inside. (Who looks in at a closed slot and leaves again counts, briefly.)
    pub(crate) fn is_empty(&self) -> bool {
        // Acquire: see `leave`.
        self.word.load(Acquire) & READERS == 0
    }

    /// Opens the way in again.
    pub(crate) fn open(&self) {
        // Release: see `enter`.
        self.word.fetch_sub(CLOSED, Release);
    }

    /// Whether so much was counted that half of what fits is to be taken away.
    pub(crate) fn is_full(&self) -> bool {
        // Relaxed, here and below: a statistic, which orders nothing.
        self.word.load(Relaxed) & FULL != 0
    }

    /// Takes away half of what fits, where there is as much, and returns how much was taken. Only
    /// one at a time may do so.
    pub(crate) fn take_count(&self) -> u64 {
        if !self.is_full() {
            return 0;
        }
        self.word.fetch_sub(FULL, Relaxed);
        FULL
    }

    /// Operations that were counted and not taken away.
    pub(crate) fn count(&self) -> u64 {
        self.word.load(Relaxed) & COUNTED
    }
}
