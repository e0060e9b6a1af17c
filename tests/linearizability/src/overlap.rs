// SPDX-License-Identifier: MIT OR Apache-2.0

//! How much of a history was concurrent, without which it would prove little.

use crate::Call;

/// How many of the calls had one of another thread under way at the same time.
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
