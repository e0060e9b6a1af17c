// SPDX-License-Identifier: GPL-2.0

//! Bugs that a test plants, to see that the loom check notices them.
//!
//! They are planted here, below the driver, and not in its source, so that they stay when that
//! changes. Each has the effect of a mistake in the driver.

use std::cell::Cell;

/// A planted bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// `atomic64_xor` is a load and a store: deltas get lost.
    XorInTwoSteps,
    /// `cmpxchg` stores without comparing: SWAP doesn't notice that it has lost a race.
    CmpxchgComparesNothing,
    /// No bug, but the worst case: `cmpxchg` fails wherever others may have changed the word, so
    /// that SWAP takes the table for itself.
    CmpxchgLoses,
    /// The writer of a `BrLock` that closes a slot does not see the readers inside.
    WritersSeeNobody,
    /// A reader that enters a slot does not see that it is closed.
    ReadersSeeNoWriter,
    /// A reader that enters a slot does not see others inside: LOAD and SWAP meet at a context.
    ReadersSeeNobody,
    /// Release is Relaxed: a reader may miss writes of the writer before it.
    ReleaseIsRelaxed,
    /// Acquire is Relaxed: the same on the reader's side.
    AcquireIsRelaxed,
    /// No bug, but the worst case: `Full` is Relaxed, as nothing here may depend on it.
    FullIsRelaxed,
    /// The same, and the write barrier does nothing.
    NoWriteBarrier,
    /// A reader of several states has no fence before it looks at the sequence again.
    NoReadFence,
    /// It doesn't look at the sequence again.
    LooksOnce,
    /// `atomic64_or` happens when the command is done: a watch is marked after its reader was woken.
    MarksComeLate,
    /// A relaxed `xchg` happens when the command is done: marks go after the states were read.
    MarksGoLate,
}

thread_local! {
    // Of the thread that explores the case: loom's threads are its coroutines.
    static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
}

/// Plants a bug for all cases that this thread explores from now on, in place of the last one.
pub fn plant(bug: Bug) {
    PLANTED.set(Some(bug));
}

/// Whether this bug is planted.
pub fn is(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}
