// SPDX-License-Identifier: GPL-2.0

//! [`Sequence`], a number that tells programs which read several mapped states of a batch in
//! between.

use crate::kernel_ext::series::write_barrier::write_barrier;
use kernel::sync::atomic::{Atomic, Relaxed, Release};

/// The sequence of a mapped table, for a user who has the table alone: even, but odd from this
/// user's first change of a state until this is dropped.
///
/// A reader looks at the sequence, reads states, and looks again:
///
/// - Where it has seen a change of this user, the write barrier after the store of the odd number
///   and the reader's read barrier make its second look find the odd number or a later one.
/// - Where its first look finds the even number that this user leaves, it sees all of the changes:
///   that number is stored with Release, and loaded with Acquire.
///
/// So where both looks find the same even number, the reader has seen all changes of each user or
/// none.
///
/// # Invariants
///
/// The sequence is odd if and only if `changing` is true.
pub(crate) struct Sequence<'a> {
    number: &'a Atomic<u64>,
    changing: bool,
}

impl<'a> Sequence<'a> {
    /// The sequence that `number` holds, which nobody else changes meanwhile.
    #[inline]
    pub(crate) fn new(number: &'a Atomic<u64>) -> Self {
        // INVARIANT: the last user has left it even.
        Self {
            number,
            changing: false,
        }
    }

    /// Makes the sequence odd, if it isn't yet. To be called before each change of a state.
    #[inline]
    pub(crate) fn change(&mut self) {
        if !self.changing {
            // INVARIANT: it has been even.
            self.changing = true;
            self.number.store(self.next(), Relaxed);
            write_barrier();
        }
    }

    #[inline]
    fn next(&self) -> u64 {
        // Relaxed: the lock around the table orders its users.
        self.number.load(Relaxed).wrapping_add(1)
    }
}

impl Drop for Sequence<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.changing {
            self.number.store(self.next(), Release);
        }
    }
}
