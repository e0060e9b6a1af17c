// SPDX-License-Identifier: MIT OR Apache-2.0

//! The reader's side of a table's sequence, which the driver makes odd while it changes several
//! states as one. The loom check runs this file against the driver's own.

use super::atomic::{self, AtomicU64, Ordering};

/// Calls `read`, and returns its result if no batch and no RESTORE has been at work meanwhile. It
/// uses Relaxed loads, or stronger ones.
#[inline]
pub(super) fn attempt<R>(sequence: &AtomicU64, read: impl FnOnce() -> R) -> Option<R> {
    // Acquire: where this is the even number that a writer left, its changes are seen.
    let before = sequence.load(Ordering::Acquire);
    if before % 2 != 0 {
        return None;
    }
    let result = read();
    // Where `read` has seen a change of a writer, the second look, which stays behind it, sees the
    // odd number that the writer stored before, or a later one.
    atomic::fence(Ordering::Acquire);
    (sequence.load(Ordering::Relaxed) == before).then_some(result)
}
