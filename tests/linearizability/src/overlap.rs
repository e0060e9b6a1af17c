// SPDX-License-Identifier: MIT OR Apache-2.0

//! The calls of a history that were made at the same time as others.

use crate::{Answer, Call, Entry, Op};
use std::slice;

/// The calls of other threads that overlapped with a call of this thread.
fn beside<'a>(
    threads: &'a [Vec<Call>],
    thread: usize,
    call: &'a Call,
) -> impl Iterator<Item = &'a Call> {
    let others = threads.iter().enumerate();
    let others = others.filter(move |(n, _)| *n != thread);
    let others = others.flat_map(|(_, calls)| calls);
    others.filter(move |other| !other.precedes(call) && !call.precedes(other))
}

/// Number of calls that overlapped with one of another thread. A history without any would prove
/// little.
pub fn concurrent(threads: &[Vec<Call>]) -> usize {
    let concurrent = |thread: usize, calls: &[Call]| {
        let calls = calls.iter();
        let overlapped = |call: &&Call| beside(threads, thread, call).next().is_some();
        calls.filter(overlapped).count()
    };
    let threads = threads.iter().enumerate();
    threads.map(|(n, calls)| concurrent(n, calls)).sum()
}

/// Fills in the contexts that others were changing where a watch had [nothing to
/// tell](Answer::NothingNew).
pub fn note_changes_beside(threads: &mut [Vec<Call>]) {
    let known = threads.to_vec();
    for (thread, calls) in threads.iter_mut().enumerate() {
        for call in calls {
            let others = beside(&known, thread, call);
            let changes = others
                .flat_map(|other| match &other.op {
                    Op::Single { entry, .. } => slice::from_ref(entry),
                    Op::Batch { entries, .. } => entries,
                    _ => &[],
                })
                .filter(|entry| entry.changes())
                .map(Entry::addr)
                .collect();
            if let Answer::NothingNew(beside) = &mut call.answer {
                *beside = changes;
            }
        }
    }
}
