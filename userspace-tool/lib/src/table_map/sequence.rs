// SPDX-License-Identifier: MIT OR Apache-2.0

//! The reader's side of a table's sequence, which the driver makes odd while it changes several
//! states as one. The loom check runs this file against the driver's own.

use super::atomic::{AtomicU64, Ordering, fence};

/// Calls `read` until no batch and no RESTORE has been at work meanwhile, up to `attempts` times,
/// and returns its last result; none where one always was. `read` uses Relaxed loads, or stronger
/// ones.
#[inline]
pub(super) fn read<R>(
    sequence: &AtomicU64,
    attempts: u32,
    mut read: impl FnMut() -> R,
) -> Option<R> {
    for _ in 0..attempts {
        // Acquire: where this is the even number that a writer left, its changes are seen.
        let before = sequence.load(Ordering::Acquire);
        if before % 2 == 0 {
            let result = read();
            // Where `read` has seen a change of a writer, the second look, which stays behind it,
            // sees the odd number that the writer stored before, or a later one.
            fence(Ordering::Acquire);
            if sequence.load(Ordering::Relaxed) == before {
                return Some(result);
            }
        }
        std::hint::spin_loop();
    }
    None
}
