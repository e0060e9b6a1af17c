// SPDX-License-Identifier: GPL-2.0

//! All interleavings of small cases of the driver's commands, or those with a bounded number of
//! preemptions where there are too many.

mod ops;

use atomik_linearizability::{Answer, Op};
use atomik_loom::{
    planted::{plant, Bug},
    states_can_move, Away, Case, Thread,
};
use ops::{accum, batch, destroy, expect, load, read, set, swap, table, TABLE};

/// Threads that share a table, each on the CPU with its number.
fn case<const N: usize>(threads: [(u32, Vec<Op>); N]) -> Case {
    let threads = threads.map(|(cpu, ops)| Thread::new(cpu, ops));
    Case::new(table(), threads)
}

#[track_caller]
fn explore<const N: usize>(threads: [(u32, Vec<Op>); N]) {
    case(threads).explore();
}

#[test]
fn accum_accum() {
    for cpu in [0, 1] {
        explore([
            (0, vec![accum(0, 1), read(0)]),
            (cpu, vec![accum(0, 2), read(0)]),
        ]);
    }
    explore([
        (0, vec![accum(0, 1)]),
        (1, vec![accum(0, 2)]),
        (0, vec![accum(0, 4)]),
    ]);
}

#[test]
fn swap_accum_read() {
    for new in [0, 0x40] {
        explore([
            (0, vec![swap(0, new)]),
            (1, vec![accum(0, 1)]),
            (1, vec![read(0)]),
        ]);
    }
    explore([
        (0, vec![swap(0, 0x40), read(0)]),
        (1, vec![accum(0, 1), accum(0, 2)]),
    ]);
}

/// The state of context 0 at the start is 0x30, that of context 1 is 0.
#[test]
fn compare_and_set_twice() {
    let compare_and_set = |addr, state, new| batch([expect(addr, state), set(addr, new)]);
    for cpu in [0, 1] {
        explore([
            (0, vec![compare_and_set(0, 0x30, 1)]),
            (cpu, vec![compare_and_set(0, 0x30, 2), read(0)]),
        ]);
    }
    // Of two contexts, in opposite order: one of them changes what the other expects.
    explore([
        (0, vec![batch([expect(0, 0x30), expect(1, 0), set(1, 1)])]),
        (1, vec![batch([expect(1, 0), expect(0, 0x30), set(0, 2)])]),
    ]);
    // Both from the same state, by way of one of three values: a counter.
    let count = || {
        vec![
            compare_and_set(0, 0x30, 0x31),
            compare_and_set(0, 0x31, 0x32),
        ]
    };
    explore([(0, count()), (1, count())]);
}

#[test]
fn compare_and_set_beside_single_operations() {
    for op in [accum(0, 1), load(0, 3), swap(0, 0x40), read(0), destroy()] {
        for cpu in [0, 1] {
            explore([
                (0, vec![batch([expect(0, 0x30), set(0, 5), read(1)])]),
                (cpu, vec![op.clone()]),
            ]);
        }
    }
}

/// The condition is checked anew in each attempt.
#[test]
fn compare_and_set_whose_results_have_to_be_brought_in() {
    let ops = [expect(0, 0x30), set(0, 4), swap(1, 0), read(0)];
    let other = batch([expect(0, 0x30), set(0, 5), read(1)]);
    for op in [accum(0, 1), other] {
        let threads = [
            Thread::new(0, [batch(ops.clone())]).with_results(Away::Swapped),
            Thread::new(1, [op]),
        ];
        Case::new(table(), threads).explore();
    }
    // The state found has to be brought in.
    let threads = [
        Thread::new(0, [batch([expect(0, 0x30), set(0, 5)])]).with_results(Away::Swapped),
        Thread::new(1, [accum(0, 1)]),
    ];
    Case::new(table(), threads).explore();
}

#[test]
fn swap_swap() {
    for news in [[0, 0x40], [0x40, 0x80]] {
        explore([(0, vec![swap(0, news[0])]), (1, vec![swap(0, news[1])])]);
    }
    explore([
        (0, vec![swap(0, 0x40)]),
        (0, vec![swap(0, 0x80)]),
        (1, vec![accum(0, 1)]),
    ]);
}

#[test]
fn swap_that_takes_the_table_alone() {
    plant(Bug::CmpxchgLoses);
    for op in [
        accum(0, 1),
        load(0, 3),
        batch([accum(0, 1), read(0)]),
        destroy(),
    ] {
        // Its first attempts make all interleavings millions.
        case([(0, vec![swap(0, 0x40)]), (1, vec![op])])
            .with_preemptions(3)
            .explore();
    }
    case([(0, vec![swap(0, 0x40)]), (1, vec![swap(0, 0x80)])])
        .with_preemptions(3)
        .explore();
}

#[test]
fn load_swap() {
    for new in [0, 0x40] {
        explore([(0, vec![load(0, 3)]), (1, vec![swap(0, new)])]);
    }
    explore([
        (0, vec![load(0, 3)]),
        (1, vec![swap(0, 0x40)]),
        (1, vec![accum(0, 1)]),
    ]);
}

#[test]
fn load_load() {
    explore([
        (0, vec![load(0, 3)]),
        (1, vec![load(0, 5)]),
        (1, vec![accum(0, 8)]),
    ]);
}

#[test]
fn batch_single() {
    for op in [accum(0, 1), read(1), swap(0, 0x40), load(1, 3)] {
        for cpu in [0, 1] {
            explore([
                (0, vec![batch([accum(0, 4), read(0), accum(1, 4), read(0)])]),
                (cpu, vec![op.clone()]),
            ]);
        }
    }
    explore([
        (0, vec![batch([load(0, 4), load(1, 4)])]),
        (1, vec![read(0), read(1)]),
    ]);
}

#[test]
fn batch_single_single() {
    explore([
        (0, vec![batch([accum(0, 4), accum(1, 4)])]),
        (0, vec![accum(0, 1)]),
        (1, vec![read(1)]),
    ]);
}

#[test]
fn batch_batch() {
    explore([
        (0, vec![batch([accum(0, 4), read(1)])]),
        (1, vec![batch([accum(1, 8), read(0)])]),
    ]);
    explore([
        (0, vec![batch([load(0, 4), swap(1, 0)])]),
        (1, vec![batch([accum(1, 8), read(0)]), read(1)]),
    ]);
}

#[test]
fn batch_batch_single() {
    explore([
        (0, vec![batch([accum(0, 4), accum(1, 4)])]),
        (1, vec![batch([swap(1, 0), read(0)])]),
        (1, vec![accum(1, 1)]),
    ]);
}

#[test]
fn destroy_anything() {
    for op in [
        accum(0, 1),
        read(0),
        swap(0, 0x40),
        load(0, 3),
        batch([accum(0, 4), read(0)]),
        destroy(),
    ] {
        for cpu in [0, 1] {
            explore([(0, vec![destroy()]), (cpu, vec![op.clone()])]);
        }
    }
}

#[test]
fn destroy_two_others() {
    explore([
        (0, vec![destroy()]),
        (1, vec![accum(0, 1)]),
        (1, vec![batch([read(0)])]),
    ]);
}

#[test]
fn a_new_table_in_the_place_of_another() {
    const NEXT: u32 = TABLE + 256;
    // With the old id nobody reaches the new table, nor sees what was in the old one.
    for op in [accum(0, 1), swap(0, 0x40), batch([load(0, 3), read(0)])] {
        let on_next = match op.clone() {
            Op::Single { entry, .. } => Op::Single { table: NEXT, entry },
            Op::Batch { entries, .. } => Op::Batch {
                table: NEXT,
                entries,
            },
            op => op,
        };
        explore([(0, vec![destroy(), Op::Create(1)]), (1, vec![op, on_next])]);
    }
}

#[test]
fn destroy_create() {
    // The new table gets the place of the destroyed one, or the next.
    explore([(0, vec![destroy()]), (1, vec![Op::Create(1)])]);
    explore([
        (0, vec![destroy(), Op::Create(1)]),
        (1, vec![destroy(), Op::Create(1)]),
    ]);
}

#[test]
fn create_create() {
    // Both make a place, and the second reads in the table that the first creates.
    let threads = [0, 1].map(|cpu| Thread::new(cpu, [Op::Create(1), read(0)]));
    Case::new([], threads).explore();
}

#[test]
fn create_against_a_guess_of_the_id() {
    for op in [read(0), batch([accum(0, 4), read(0)]), destroy()] {
        let threads = [
            Thread::new(0, [Op::Create(1)]),
            Thread::new(1, [op.clone(), op]),
        ];
        Case::new([], threads).explore();
    }
}

#[test]
fn a_batch_whose_results_have_to_be_brought_in() {
    let ops = [load(0, 4), swap(0, 0), accum(1, 4), read(1)];
    for op in [read(0), accum(1, 1), swap(1, 0x40), destroy()] {
        let threads = [
            Thread::new(0, [batch(ops.clone())]).with_results(Away::Swapped),
            Thread::new(1, [op]),
        ];
        Case::new(table(), threads).explore();
    }
    // Another batch comes between the attempts.
    let threads = [
        Thread::new(0, [batch(ops.clone())]).with_results(Away::Swapped),
        Thread::new(1, [batch([accum(0, 1), read(1)])]).with_results(Away::Swapped),
    ];
    Case::new(table(), threads).explore();
}

#[test]
fn results_that_cannot_be_written() {
    for op in [
        read(0),
        swap(0, 0x40),
        batch([load(0, 4), swap(1, 0), accum(0, 4)]),
        batch([set(0, 4), set(0, 5), read(1)]),
        batch([expect(0, 0x99), set(0, 4)]),
        Op::Create(1),
    ] {
        for other in [read(0), accum(0, 1), batch([swap(0, 0), read(0)])] {
            let threads = [
                Thread::new(0, [op.clone()]).with_results(Away::ReadOnly),
                Thread::new(1, [other]),
            ];
            let explored = Case::new(table(), threads).explore();
            for (answers, _) in explored.outcomes {
                assert_eq!(answers[0], [Answer::Fault]);
            }
        }
    }
}

#[test]
fn states_move_only_to_pages_for_as_many() {
    for again in [false, true] {
        assert!(states_can_move(3, 3, again));
        // The pages were made for another table with the same id.
        assert!(!states_can_move(3, 2, again));
        assert!(!states_can_move(3, 4, again));
    }
}
