// SPDX-License-Identifier: GPL-2.0

//! The model can fail: each bug that is planted in what the driver relies on is noticed.

#[expect(dead_code, reason = "more than this file needs")]
mod ops;

use atomik_history::Op;
use atomik_model::{
    planted::{plant, Bug},
    Model, Thread,
};
use ops::{accum, batch, load, read, swap, table};
use std::panic::{catch_unwind, AssertUnwindSafe};

/// Makes sure that the exploration of two threads, on different CPUs, notices the bug, and passes
/// without it.
#[track_caller]
fn noticed(bug: Bug, threads: [Vec<Op>; 2]) {
    let threads = [0, 1].into_iter().zip(threads);
    let model = Model::new(table(), threads.map(|(cpu, ops)| Thread::new(cpu, ops)));
    model.explore();
    plant(bug);
    let explored = catch_unwind(AssertUnwindSafe(|| model.explore()));
    assert!(explored.is_err(), "{bug:?} has not been noticed");
}

#[test]
fn an_xor_that_is_not_atomic() {
    noticed(
        Bug::XorInTwoSteps,
        [vec![accum(0, 1)], vec![accum(0, 2), read(0)]],
    );
}

#[test]
fn a_swap_that_ignores_a_lost_race() {
    noticed(
        Bug::CmpxchgComparesNothing,
        [vec![swap(0, 0x40)], vec![accum(0, 1)]],
    );
}

#[test]
fn a_batch_that_does_not_wait_for_readers() {
    noticed(
        Bug::SlotsExcludeNobody,
        [vec![batch([accum(0, 4), read(0)])], vec![accum(0, 1)]],
    );
}

#[test]
fn a_batch_that_does_not_close_the_way() {
    noticed(
        Bug::FlagsStayDown,
        [
            vec![batch([load(0, 4), load(1, 4)])],
            vec![read(0), read(1)],
        ],
    );
}

#[test]
fn loads_and_swaps_that_meet() {
    noticed(
        Bug::EpochLocksExcludeNobody,
        [vec![load(0, 3)], vec![swap(0, 0x40)]],
    );
}

#[test]
fn a_writer_that_opens_the_way_too_weakly() {
    noticed(
        Bug::ReleaseIsRelaxed,
        [vec![batch([accum(0, 4)])], vec![accum(0, 1)]],
    );
}

#[test]
fn a_reader_that_looks_too_weakly() {
    noticed(
        Bug::AcquireIsRelaxed,
        [vec![batch([accum(0, 4)])], vec![accum(0, 1)]],
    );
}
