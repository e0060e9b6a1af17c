// SPDX-License-Identifier: MIT OR Apache-2.0

//! Small histories whose verdict is plain to see.

use atomik_linearizability::{
    Answer, Call, Context, Entry, Op, Tables, check, check::check_to, note_changes_beside,
};
use std::collections::BTreeSet;

const TABLE: u32 = 7;

fn start() -> Tables {
    let mut tables = Tables::default();
    assert!(tables.step(&Op::Create(2), &Answer::Created(TABLE)));
    tables
}

fn call(op: Op, answer: Answer, called: u64, returned: u64) -> Call {
    Call {
        op,
        answer,
        called,
        returned,
    }
}

fn accum(addr: u32, delta: u64, called: u64, returned: u64) -> Call {
    let entry = Entry::Accum { addr, delta };
    let op = Op::Single {
        table: TABLE,
        entry,
    };
    call(op, Answer::States(vec![]), called, returned)
}

fn read(addr: u32, state: u64, called: u64, returned: u64) -> Call {
    let entry = Entry::Read { addr };
    let op = Op::Single {
        table: TABLE,
        entry,
    };
    call(op, Answer::States(vec![state]), called, returned)
}

fn swap(addr: u32, new: u64, state: u64, called: u64, returned: u64) -> Call {
    let entry = Entry::Swap { addr, new };
    let op = Op::Single {
        table: TABLE,
        entry,
    };
    call(op, Answer::States(vec![state]), called, returned)
}

/// A batch that XORs 1 into both contexts.
fn both(called: u64, returned: u64) -> Call {
    let entries = [0, 1].map(|addr| Entry::Accum { addr, delta: 1 }).to_vec();
    let op = Op::Batch {
        table: TABLE,
        entries,
    };
    call(op, Answer::States(vec![]), called, returned)
}

#[track_caller]
fn accepted(threads: &[Vec<Call>]) {
    if let Err(refused) = check(&start(), threads) {
        panic!("{refused}");
    }
}

#[track_caller]
fn refused(threads: &[Vec<Call>]) {
    assert!(check(&start(), threads).is_err());
}

#[test]
fn a_read_beside_a_change_may_see_it_or_not() {
    accepted(&[vec![accum(0, 1, 0, 3)], vec![read(0, 0, 1, 2)]]);
    accepted(&[vec![accum(0, 1, 0, 3)], vec![read(0, 1, 1, 2)]]);
    refused(&[vec![accum(0, 1, 0, 3)], vec![read(0, 2, 1, 2)]]);
}

#[test]
fn a_read_after_a_change_must_see_it() {
    refused(&[vec![accum(0, 1, 0, 1)], vec![read(0, 0, 2, 3)]]);
    // Without times, nothing tells which was first.
    let all = u64::MAX;
    accepted(&[vec![accum(0, 1, 0, all)], vec![read(0, 0, 0, all)]]);
    refused(&[vec![accum(0, 1, 0, all), read(0, 0, 0, all)]]);
}

#[test]
fn what_one_has_seen_the_next_sees_too() {
    let change = vec![accum(0, 1, 0, 9)];
    accepted(&[
        change.clone(),
        vec![read(0, 0, 1, 2)],
        vec![read(0, 1, 3, 4)],
    ]);
    refused(&[change, vec![read(0, 1, 1, 2)], vec![read(0, 0, 3, 4)]]);
}

#[test]
fn a_lost_delta_is_noticed() {
    let changes = [vec![accum(0, 1, 0, 3)], vec![accum(0, 2, 1, 2)]];
    let with_read = |state| [&changes[..], &[vec![read(0, state, 4, 5)]]].concat();
    accepted(&with_read(3));
    refused(&with_read(2));
}

#[test]
fn a_state_is_swapped_out_once() {
    let with = |second| {
        vec![
            vec![accum(0, 1, 0, 1)],
            vec![swap(0, 5, 1, 2, 5)],
            vec![swap(0, 6, second, 3, 4)],
        ]
    };
    accepted(&with(5));
    refused(&with(1));
}

#[test]
fn a_batch_is_seen_whole() {
    let with = |first, second| {
        [
            vec![both(0, 9)],
            vec![read(0, first, 1, 2), read(1, second, 3, 4)],
        ]
    };
    accepted(&with(0, 0));
    accepted(&with(1, 1));
    accepted(&with(0, 1));
    refused(&with(1, 0));
}

/// A consistent read of both contexts.
fn consistent(states: [u64; 2], called: u64, returned: u64) -> Call {
    let op = Op::Consistent {
        table: TABLE,
        addrs: vec![0, 1],
    };
    call(op, Answer::States(states.to_vec()), called, returned)
}

#[test]
fn a_consistent_read_sees_a_batch_whole() {
    let with = |states| [vec![both(0, 9)], vec![consistent(states, 1, 2)]];
    accepted(&with([0, 0]));
    accepted(&with([1, 1]));
    refused(&with([0, 1]));
    refused(&with([1, 0]));
    // Not one batch of two, either.
    let after = |states| [vec![both(0, 1), both(2, 9)], vec![consistent(states, 3, 4)]];
    accepted(&after([1, 1]));
    accepted(&after([0, 0]));
    refused(&after([1, 0]));
    refused(&after([0, 1]));
    let restored = |states| {
        let contexts = vec![Context::default(); 2];
        let op = Op::Restore {
            table: TABLE,
            contexts,
        };
        let restore = call(op, Answer::States(vec![]), 2, 9);
        [vec![both(0, 1), restore], vec![consistent(states, 3, 4)]]
    };
    accepted(&restored([1, 1]));
    accepted(&restored([0, 0]));
    refused(&restored([0, 1]));
}

#[test]
fn a_consistent_read_sees_single_operations_one_by_one() {
    let with = |states| {
        let changes = vec![accum(0, 1, 1, 2), accum(1, 1, 3, 4)];
        [changes, vec![consistent(states, 0, 9)]]
    };
    for states in [[0, 0], [1, 0], [0, 1], [1, 1]] {
        accepted(&with(states));
    }
    refused(&with([2, 0]));
    // But not with a batch in between.
    let around = |states| {
        let changes = vec![accum(0, 2, 1, 2), both(3, 4), accum(1, 2, 5, 6)];
        [changes, vec![consistent(states, 0, 9)]]
    };
    for states in [[0, 0], [2, 0], [3, 1], [3, 3]] {
        accepted(&around(states));
    }
    for states in [[0, 1], [3, 0], [0, 3], [2, 3], [1, 1]] {
        refused(&around(states));
    }
}

/// A watch says so of a change when the call has returned, and may do it later than others see the
/// state.
#[test]
fn a_watch_is_told_once_the_change_has_returned() {
    let watched = |threads: &[Vec<Call>]| {
        let mut start = start();
        let watch = Op::Watch {
            table: TABLE,
            addr: 0,
            count: 2,
        };
        let changes = Op::Changes { watch: 0, most: 2 };
        assert!(start.step(&watch, &Answer::Watching));
        assert!(start.step(&changes, &Answer::Changes(vec![(0, 0), (1, 0)])));
        let mut threads = threads.to_vec();
        note_changes_beside(&mut threads);
        check(&start, &threads).is_ok()
    };
    let nothing = |called, returned| {
        let changes = Op::Changes { watch: 0, most: 2 };
        let answer = Answer::NothingNew(BTreeSet::new());
        call(changes, answer, called, returned)
    };
    let seen = |addr| vec![read(addr, 1, 1, 2), nothing(3, 4)];
    assert!(watched(&[vec![accum(0, 1, 0, 5)], seen(0)]));
    assert!(watched(&[vec![both(0, 5)], seen(1)]));
    assert!(!watched(&[vec![accum(0, 1, 0, 2)], seen(0)]));
    // Another context is changed meanwhile.
    let changes = vec![accum(0, 1, 0, 2), accum(1, 1, 3, 5)];
    assert!(!watched(&[changes, seen(0)]));
    assert!(!watched(&[vec![accum(0, 1, 0, 1), nothing(2, 3)]]));
}

#[test]
fn a_table_that_is_gone_stays_gone() {
    let destroy = call(Op::Destroy { table: TABLE }, Answer::Destroyed, 0, 9);
    let mut none = read(0, 0, 1, 2);
    none.answer = Answer::NoTable;
    let create = |id| call(Op::Create(2), Answer::Created(id), 10, 11);
    accepted(&[vec![destroy.clone()], vec![none.clone()]]);
    accepted(&[
        vec![destroy.clone(), create(TABLE + 256)],
        vec![none.clone()],
    ]);
    refused(&[vec![destroy.clone(), create(TABLE)]]);
    refused(&[vec![destroy.clone()], vec![none.clone(), read(0, 0, 3, 4)]]);
    refused(&[vec![destroy.clone()], vec![destroy]]);
    refused(&[vec![none]]);
}

#[test]
fn the_end_counts() {
    let threads = [vec![swap(0, 3, 0, 0, 2)], vec![accum(0, 1, 1, 3)]];
    let ends = |words| check_to(&start(), &threads, |t| t.words(TABLE).unwrap()[0] == words);
    // The delta came first and was swapped out: but then SWAP would have returned it.
    assert!(ends((3, 3)).is_err());
    ends((2, 3)).unwrap();
}

#[test]
fn a_refused_history_is_told() {
    let refused = check(&start(), &[vec![accum(0, 1, 0, 1), read(0, 0, 2, 3)]]).unwrap_err();
    let text = refused.to_string();
    assert!(text.contains("thread 0,    2 to    3"), "{text}");
    assert!(text.contains("longest order, by threads: [0]"), "{text}");
}
