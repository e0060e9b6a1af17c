// SPDX-License-Identifier: GPL-2.0

//! Watches beside operations: no change is lost, and no wake-up.

mod ops;

use atomik_linearizability::{Answer, Op};
use atomik_loom::{
    explore,
    loom::thread,
    planted::{plant, Bug},
    Away, Case, File, Thread,
};
use ops::{accum, batch, destroy, expect, load, read, set, swap, table, TABLE};
use std::{
    panic::{catch_unwind, AssertUnwindSafe},
    sync::Arc,
};

/// Watches both contexts of the table.
fn watch() -> Op {
    Op::Watch {
        table: TABLE,
        addr: 0,
        count: 2,
    }
}

/// Reads what the first watch has to tell.
fn changes(most: usize) -> Op {
    Op::Changes { watch: 0, most }
}

/// A table of two contexts that is watched, with nothing to tell.
fn watched() -> Vec<Op> {
    let mut before = table();
    before.extend([watch(), changes(2)]);
    before
}

/// What is read is of one moment, and everything that changed is in it: by the model.
#[test]
fn what_is_told_is_of_one_moment() {
    for op in [
        accum(0, 1),
        load(1, 3),
        swap(0, 0x40),
        batch([accum(0, 4), accum(1, 4)]),
        batch([load(0, 4), swap(1, 0), read(1)]),
        batch([expect(0, 0x30), set(1, 5)]),
        destroy(),
    ] {
        for cpu in [0, 1] {
            let threads = [
                Thread::new(0, [op.clone()]),
                Thread::new(cpu, [changes(2), changes(2)]),
            ];
            Case::new(watched(), threads).with_preemptions(3).explore();
        }
    }
}

#[test]
fn two_changes_beside_a_reader() {
    let threads = [
        Thread::new(0, [accum(0, 1)]),
        Thread::new(0, [accum(0, 2)]),
        Thread::new(0, [changes(1), changes(2)]),
    ];
    Case::new(watched(), threads).with_preemptions(2).explore();
}

#[test]
fn what_does_not_fit_is_told_later() {
    let threads = [
        Thread::new(0, [batch([accum(0, 1), accum(1, 1)])]),
        Thread::new(1, [changes(1), changes(1), changes(1)]),
    ];
    Case::new(watched(), threads).with_preemptions(3).explore();
}

/// What can't be handed over is told again.
#[test]
fn a_fault_loses_nothing() {
    for op in [accum(1, 1), batch([accum(0, 4), load(1, 1)]), destroy()] {
        explore(1, Some(3), move || {
            let file = Arc::new(File::open());
            for op in watched().into_iter().chain([accum(0, 1)]) {
                file.serve(&op, None);
            }
            let other = {
                let (file, op) = (Arc::clone(&file), op.clone());
                thread::spawn(move || drop(file.serve(&op, None)))
            };
            let faulted = file.serve(&changes(2), Some(Away::ReadOnly));
            assert_eq!(faulted, Answer::Fault);
            other.join().expect("no panic");
            let mut told = vec![(0, 0x31)];
            if op == accum(1, 1) {
                told.push((1, 1));
            } else if op != destroy() {
                told = vec![(0, 0x35), (1, 1)];
            }
            assert_eq!(file.serve(&changes(2), None), Answer::Changes(told));
        });
    }
}

/// Two readers of one watch share what there is.
#[test]
fn two_readers() {
    let mut before = watched();
    before.push(accum(0, 1));
    let threads = [
        Thread::new(0, [changes(2)]),
        Thread::new(1, [changes(2)]),
        Thread::new(1, [accum(1, 1)]),
    ];
    Case::new(before, threads).with_preemptions(2).explore();
}

/// Once the table is gone, a reader that doesn't wait either tells the rest or is told of the end,
/// also where another reader, which knows of the end already, takes the rest from under it.
#[test]
fn two_readers_of_the_rest() {
    let mut before = watched();
    before.push(accum(0, 1));
    let threads = [
        Thread::new(0, [destroy()]),
        Thread::new(0, [changes(2)]),
        Thread::new(0, [read(0), changes(2)]),
    ];
    Case::new(before, threads).with_preemptions(3).explore();
}

/// Another watch comes and tells of everything.
#[test]
fn a_watch_that_comes_during_an_operation() {
    let before = table();
    let threads = [
        Thread::new(0, [accum(0, 1)]),
        Thread::new(1, [watch(), changes(2), changes(2)]),
    ];
    Case::new(before, threads).with_preemptions(3).explore();
}

/// The last state that is told of a context.
fn last(told: &[(u32, u64)], addr: u32) -> Option<u64> {
    let of_it = |(other, state): &(u32, u64)| (*other == addr).then_some(*state);
    told.iter().rev().find_map(of_it)
}

/// Threads with one operation each, beside one that reads, asleep in between, until it has been told
/// these last states. loom reports a deadlock where a wake-up is lost.
fn followed<const N: usize>(preemptions: usize, ops: [Op; N], states: [u64; 2]) {
    explore(1, Some(preemptions), move || {
        let file = Arc::new(File::open());
        for op in table() {
            file.serve(&op, None);
        }
        file.serve(&watch(), None);
        let threads: Vec<_> = ops
            .iter()
            .map(|op| {
                let (file, op) = (Arc::clone(&file), op.clone());
                thread::spawn(move || drop(file.serve(&op, None)))
            })
            .collect();
        file.follow(0, |told| {
            [0, 1].map(|addr| last(told, addr)) == states.map(Some)
        });
        for thread in threads {
            thread.join().expect("no panic");
        }
        // In the end all has been told, but for records without a change.
        if let Answer::Changes(told) = file.serve(&changes(2), None) {
            assert!(told
                .iter()
                .all(|&(addr, state)| states[addr as usize] == state));
        }
    });
}

#[test]
fn the_last_state_is_always_told() {
    followed(3, [accum(0, 1)], [0x31, 0]);
    followed(3, [batch([accum(0, 1), load(1, 7)])], [0x31, 7]);
    followed(3, [load(0, 1)], [1, 0]);
    followed(3, [swap(1, 9)], [0x30, 9]);
    followed(2, [accum(0, 1), accum(0, 2)], [0x33, 0]);
    followed(2, [accum(0, 1), batch([accum(0, 2), set(1, 7)])], [0x33, 7]);
}

/// What came before the destruction is told, and then the end.
#[test]
fn a_destruction_wakes_the_reader() {
    for (before, state) in [(vec![], None), (vec![accum(0, 1)], Some(0x31))] {
        explore(1, Some(3), move || {
            let file = Arc::new(File::open());
            for op in watched() {
                file.serve(&op, None);
            }
            let other = {
                let (file, ops) = (Arc::clone(&file), before.clone());
                thread::spawn(move || {
                    for op in &ops {
                        file.serve(op, None);
                    }
                    assert_eq!(file.serve(&destroy(), None), Answer::Destroyed);
                })
            };
            let told = file.follow_to_the_end(0);
            assert_eq!(last(&told, 0), state);
            other.join().expect("no panic");
            assert_eq!(file.serve(&read(0), None), Answer::NoTable);
        });
    }
}

/// A watch that is closed is told nothing more, and the table serves on without it.
#[test]
fn a_watch_that_goes_during_an_operation() {
    for op in [accum(0, 1), batch([accum(0, 1), accum(1, 1)]), destroy()] {
        explore(2, Some(2), move || {
            let file = Arc::new(File::open());
            for op in watched() {
                file.serve(&op, None);
            }
            let other = {
                let (file, op) = (Arc::clone(&file), op.clone());
                thread::spawn(move || drop(file.serve(&op, None)))
            };
            file.unwatch(0);
            other.join().expect("no panic");
            file.serve(&accum(0, 1), None);
            file.serve(&Op::Destroy { table: TABLE }, None);
        });
    }
}

/// Makes sure that the exploration notices the bug.
fn noticed(bug: Bug, explore: impl Fn()) {
    explore();
    plant(bug);
    assert!(
        catch_unwind(AssertUnwindSafe(explore)).is_err(),
        "{bug:?} has not been noticed"
    );
}

#[test]
fn a_mark_that_is_set_after_the_wake_up() {
    noticed(Bug::MarksComeLate, || followed(3, [accum(0, 1)], [0x31, 0]));
}

#[test]
fn a_mark_that_is_cleared_after_the_state_was_read() {
    noticed(Bug::MarksGoLate, || followed(3, [accum(0, 1)], [0x31, 0]));
}
