// SPDX-License-Identifier: GPL-2.0

//! Reads of several mapped states as of one moment: the driver's writer and the crate's reader
//! together, and each mistake of either.

use atomik_loom::{
    consistent_reads,
    planted::{plant, Bug},
    Seen,
};
use std::collections::BTreeSet;

/// The states after so many changes.
fn after(changes: u64) -> Seen {
    Some([changes; 2])
}

/// The reads that have seen a part of a change.
fn torn(seen: &BTreeSet<Seen>) -> usize {
    let whole = |states: &[u64; 2]| states[0] == states[1];
    seen.iter()
        .flatten()
        .filter(|states| !whole(states))
        .count()
}

#[test]
fn of_each_change_all_is_seen_or_nothing() {
    // Nothing depends on a full barrier, which the changes of states are.
    for full in [true, false] {
        if !full {
            plant(Bug::FullIsRelaxed);
        }
        let expected = [None, after(0), after(1)];
        assert_eq!(consistent_reads(1), BTreeSet::from(expected));
        let expected = [None, after(0), after(1), after(2)];
        assert_eq!(consistent_reads(2), BTreeSet::from(expected));
    }
}

#[test]
fn a_writer_without_a_barrier_tears_reads() {
    plant(Bug::NoWriteBarrier);
    assert!(torn(&consistent_reads(1)) > 0);
}

#[test]
fn a_writer_that_ends_without_release_tears_reads() {
    plant(Bug::ReleaseIsRelaxed);
    assert!(torn(&consistent_reads(1)) > 0);
}

#[test]
fn a_reader_that_begins_without_acquire_tears_reads() {
    plant(Bug::AcquireIsRelaxed);
    assert!(torn(&consistent_reads(1)) > 0);
}

#[test]
fn a_reader_without_a_fence_tears_reads() {
    plant(Bug::NoReadFence);
    assert!(torn(&consistent_reads(1)) > 0);
}

#[test]
fn a_reader_that_looks_once_tears_reads() {
    plant(Bug::LooksOnce);
    assert!(torn(&consistent_reads(1)) > 0);
}
