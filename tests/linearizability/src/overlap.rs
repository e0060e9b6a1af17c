// SPDX-License-Identifier: MIT OR Apache-2.0

//! The share of a history that was concurrent. Without any it would prove little.

use crate::Call;

/// Number of calls that overlapped with one of another thread.
pub fn concurrent(threads: &[Vec<Call>]) -> usize {
    let others = |thread: usize| {
        let other = threads
            .iter()
            .enumerate()
            .filter(move |(n, _)| *n != thread);
        other.flat_map(|(_, calls)| calls)
    };
    threads
        .iter()
        .enumerate()
        .flat_map(|(thread, calls)| calls.iter().map(move |call| (thread, call)))
        .filter(|(thread, call)| {
            others(*thread).any(|other| !other.precedes(call) && !call.precedes(other))
        })
        .count()
}
