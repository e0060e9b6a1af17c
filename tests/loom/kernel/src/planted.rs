// SPDX-License-Identifier: GPL-2.0

//! Bugs that a test plants, to see that the model notices them.
//!
//! They are planted here, in what the driver relies on, and not in the driver's source: so they
//! stay where they are when that changes. Each has the effect of a slip in the driver.

use std::cell::Cell;

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// `atomic64_xor` is a load and a store: deltas get lost.
    XorInTwoSteps,
    /// `cmpxchg` stores whatever it finds: SWAP doesn't notice that it has lost a race.
    CmpxchgComparesNothing,
    /// No bug, but a hard time: `cmpxchg` always fails, so that SWAP gets its way in the end by
    /// having the table for itself.
    CmpxchgLoses,
    /// The writer of a `BrLock`, who closes a slot, does not see who is inside.
    WritersSeeNobody,
    /// Who comes into a slot does not see that it is closed.
    ReadersSeeNoWriter,
    /// Who comes into a slot does not see who is inside: LOAD and SWAP meet at a context.
    ReadersSeeNobody,
    /// Release is Relaxed: a reader may miss what the writer before it has written.
    ReleaseIsRelaxed,
    /// Acquire is Relaxed: the same from the other side.
    AcquireIsRelaxed,
}

thread_local! {
    // Of the thread that runs the model: loom's threads are its coroutines.
    static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
}

/// Plants a bug for all models that this thread runs from now on, in place of the last one.
pub fn plant(bug: Bug) {
    PLANTED.set(Some(bug));
}

pub(crate) fn is(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}
