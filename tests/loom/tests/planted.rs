// SPDX-License-Identifier: GPL-2.0

//! The loom check can fail: it notices each bug that is planted below the driver.

#[expect(dead_code, reason = "more than this file needs")]
mod ops;

use atomik_linearizability::Op;
use atomik_loom::{
    planted::{plant, Bug},
    Case, Thread,
};
use ops::{accum, batch, expect, load, read, set, swap, table};
use std::panic::{catch_unwind, AssertUnwindSafe};

/// Part of loom's message about two accesses that nothing keeps apart.
const RACE: &str = "Causality violation: Concurrent";
/// Part of the checker's message about impossible answers.
const IMPOSSIBLE: &str = "no order in which they could happen";

/// Makes sure that the exploration of two threads on different CPUs notices the bug, and passes
/// without it.
#[track_caller]
fn noticed(bug: Bug, complaint: &str, threads: [Vec<Op>; 2]) {
    let threads = [0, 1].into_iter().zip(threads);
    let case = Case::new(table(), threads.map(|(cpu, ops)| Thread::new(cpu, ops)));
    case.explore();
    plant(bug);
    let Err(panic) = catch_unwind(AssertUnwindSafe(|| case.explore())) else {
        panic!("{bug:?} has not been noticed");
    };
    let said = panic.downcast_ref::<String>().expect("a message");
    assert!(said.contains(complaint), "{bug:?} was told as: {said}");
}

#[test]
fn an_xor_that_is_not_atomic() {
    noticed(
        Bug::XorInTwoSteps,
        IMPOSSIBLE,
        [vec![accum(0, 1)], vec![accum(0, 2), read(0)]],
    );
}

#[test]
fn a_swap_that_ignores_a_lost_race() {
    noticed(
        Bug::CmpxchgComparesNothing,
        IMPOSSIBLE,
        [vec![swap(0, 0x40)], vec![accum(0, 1)]],
    );
}

#[test]
fn a_batch_that_does_not_wait_for_readers() {
    noticed(
        Bug::WritersSeeNobody,
        RACE,
        [vec![batch([accum(0, 4), read(0)])], vec![accum(0, 1)]],
    );
}

#[test]
fn a_batch_that_does_not_close_the_slots() {
    noticed(
        Bug::ReadersSeeNoWriter,
        RACE,
        [
            vec![batch([load(0, 4), load(1, 4)])],
            vec![read(0), read(1)],
        ],
    );
}

#[test]
fn a_condition_that_others_come_between() {
    noticed(
        Bug::ReadersSeeNoWriter,
        RACE,
        [vec![batch([expect(0, 0x30), set(0, 1)])], vec![accum(0, 4)]],
    );
}

#[test]
fn loads_and_swaps_that_meet() {
    noticed(
        Bug::ReadersSeeNobody,
        IMPOSSIBLE,
        [vec![load(0, 3)], vec![swap(0, 0x40)]],
    );
}

#[test]
fn a_reader_that_opens_a_slot_without_release() {
    noticed(
        Bug::ReleaseIsRelaxed,
        RACE,
        [vec![batch([accum(0, 4)]), read(1)], vec![accum(0, 1)]],
    );
}

#[test]
fn a_reader_that_enters_without_acquire() {
    noticed(
        Bug::AcquireIsRelaxed,
        RACE,
        [vec![batch([accum(0, 4)])], vec![accum(0, 1)]],
    );
}
