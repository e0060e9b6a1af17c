// SPDX-License-Identifier: MIT OR Apache-2.0

//! Batches with EXPECT and SET entries.

use atomik_test_support::{
    mapping::Mapping,
    memory::{Pages, page_size},
    raw::{Context, RawFile, accum, expect, load, open_device, read, set, swap},
    rounds::steps,
};
use atomik_uapi::BatchOp;
use nix::{errno::Errno, sys::mman::ProtFlags};
use std::thread;

#[test]
fn set_keeps_the_reference() {
    let file = open_device();
    let table = file.create(1).unwrap();
    file.load(table, 0, 0xff00).unwrap();
    file.batch(table, &mut [set(0, 0x1234)]).unwrap();
    assert_eq!(file.read(table, 0), Ok(0x1234));
    let context = Context {
        reference: 0xff00,
        accumulator: 0xff00 ^ 0x1234,
    };
    assert_eq!(file.snapshot(table, 0, 1), Ok(vec![context]));
}

#[test]
fn conditions_that_hold_change_nothing_by_themselves() {
    let file = open_device();
    let table = file.create(3).unwrap();
    file.load(table, 0, 5).unwrap();
    let mut ops = [expect(0, 5), set(0, 6), expect(1, 0), read(0), accum(2, 9)];
    file.batch(table, &mut ops).unwrap();
    assert_eq!(ops.map(|op| op.value), [5, 6, 0, 6, 9]);
    assert_eq!(file.states(table, 3), [6, 0, 9]);
}

#[test]
fn where_one_does_not_hold_nothing_is_applied() {
    let file = open_device();
    let table = file.create(3).unwrap();
    file.load(table, 2, 8).unwrap();
    let before = [
        load(0, 7),
        accum(1, 1),
        expect(0, 0),
        set(1, 3),
        expect(2, 9),
        swap(1),
        expect(1, 4),
    ];
    let mut after = before;
    assert_eq!(file.batch(table, &mut after), Err(Errno::ECANCELED));
    // The first that doesn't hold tells the state; the others keep their values.
    assert_eq!(after[4].value, 8);
    for (i, (before, after)) in before.iter().zip(&after).enumerate() {
        assert!(i == 4 || matches!(i, 5) || before == after, "entry {i}");
    }
    assert_eq!(file.states(table, 3), [0, 0, 8]);
}

/// A LOAD before a condition on the same context is not seen by it.
#[test]
fn conditions_are_of_the_states_before_any_entry() {
    let file = open_device();
    let table = file.create(1).unwrap();
    file.batch(table, &mut [load(0, 7), expect(0, 0)]).unwrap();
    let mut ops = [load(0, 1), expect(0, 1)];
    assert_eq!(file.batch(table, &mut ops), Err(Errno::ECANCELED));
    assert_eq!(ops[1].value, 7);
    assert_eq!(file.read(table, 0), Ok(7));
}

#[test]
fn unknown_opcodes_are_refused_beside_conditions() {
    let file = open_device();
    let table = file.create(1).unwrap();
    for opcode in 6..=u8::MAX {
        for others in [vec![], vec![set(0, 1)], vec![expect(0, 0), accum(0, 1)]] {
            let mut ops = others.clone();
            ops.push(BatchOp {
                opcode,
                ..BatchOp::default()
            });
            assert_eq!(file.batch(table, &mut ops), Err(Errno::EINVAL), "{opcode}");
        }
    }
    assert_eq!(file.read(table, 0), Ok(0));
}

#[test]
fn of_every_length() {
    let file = open_device();
    let table = file.create(64).unwrap();
    for len in [1, 2, 5, 6, 15, 16, 17, 255, 256, 257, 4095, 4096] {
        let mut states = file.states(table, 64);
        // The conditions are of the states before, whatever comes earlier in the batch.
        let mut ops: Vec<BatchOp> = (0..len)
            .map(|i| match i % 6 {
                0 => load(i % 64, u64::from(i) << 8),
                1 => accum(i % 64, u64::from(i)),
                2 => read(i % 64),
                3 => expect(i % 64, states[i as usize % 64]),
                4 => set(i % 64, u64::from(i) << 16),
                _ => swap(i % 64),
            })
            .collect();
        let given = ops.clone();
        file.batch(table, &mut ops).unwrap();
        for (i, (op, given)) in (0..len).zip(ops.iter().zip(&given)) {
            let state = &mut states[i as usize % 64];
            match i % 6 {
                0 | 4 => *state = given.value,
                1 => *state ^= given.value,
                2 | 5 => assert_eq!(op.value, *state, "entry {i} of {len}"),
                _ => assert_eq!(op, given),
            }
        }
        assert_eq!(file.states(table, 64), states);

        // The last condition of that batch fails now, or one that is added.
        ops = given;
        ops[len as usize - 1] = expect(63, !states[63]);
        let first = ops
            .iter()
            .position(|op| op.opcode == 4 && op.value != states[op.addr as usize])
            .unwrap();
        assert_eq!(file.batch(table, &mut ops), Err(Errno::ECANCELED));
        assert_eq!(ops[first].value, states[ops[first].addr as usize]);
        assert_eq!(file.states(table, 64), states);
    }
}

#[test]
fn only_what_fails_is_written() {
    let file = open_device();
    let table = file.create(2).unwrap();
    let memory = Pages::new(1);
    memory.put(0, &[expect(0, 0), set(0, 1)]);
    memory.protect(0, ProtFlags::PROT_READ);
    let at = memory.at(0) as u64;
    file.batch_at(table, 2, at).unwrap();
    assert_eq!(file.read(table, 0), Ok(1));
    // The state found can't be told, and nothing has changed.
    assert_eq!(file.batch_at(table, 2, at), Err(Errno::EFAULT));
    assert_eq!(file.read(table, 0), Ok(1));
    memory.protect(0, ProtFlags::PROT_READ | ProtFlags::PROT_WRITE);
    assert_eq!(file.batch_at(table, 2, at), Err(Errno::ECANCELED));
    assert_eq!((memory.entry(0).value, memory.entry(16)), (1, set(0, 1)));
}

/// SETs are undone where a result can't be written.
#[test]
fn a_result_that_can_not_be_written_undoes_all() {
    for mapped in [false, true] {
        let file = open_device();
        let table = file.create(4).unwrap();
        file.load(table, 0, 0xff).unwrap();
        file.accum(table, 0, 0x0f).unwrap();
        let before = file.snapshot(table, 0, 4).unwrap();
        let _mapping = mapped.then(|| Mapping::new(&file, table, 1).unwrap());
        for count in [3, 4] {
            let memory = Pages::new(2);
            let ops = [expect(0, 0xf0), set(0, 1), set(0, 2), read(0)];
            let ops = &ops[4 - count..];
            // All but the last entry lie in the first page.
            let at = page_size() - (count - 1) * size_of::<BatchOp>();
            memory.put(at, ops);
            memory.protect(1, ProtFlags::PROT_READ);
            let at = memory.at(at) as u64;
            let result = file.batch_at(table, count as u32, at);
            assert_eq!(result, Err(Errno::EFAULT));
            assert_eq!(file.snapshot(table, 0, 4), Ok(before.clone()));
            memory.protect(1, ProtFlags::PROT_READ | ProtFlags::PROT_WRITE);
            file.batch_at(table, count as u32, at).unwrap();
            assert_eq!(file.read(table, 0), Ok(2));
            file.restore(table, 0, &before).unwrap();
        }
    }
}

/// Sets a context to what `f` makes of its state, trying again where somebody was faster.
fn update(file: &RawFile, table: u32, addr: u32, f: impl Fn(u64) -> u64) {
    let mut state = file.read(table, addr).unwrap();
    loop {
        let mut ops = [expect(addr, state), set(addr, f(state))];
        match file.batch(table, &mut ops) {
            Ok(()) => return,
            Err(error) => assert_eq!(error, Errno::ECANCELED),
        }
        state = ops[0].value;
    }
}

#[test]
fn a_counter_of_four_threads_is_exact() {
    let each = steps(2000);
    let file = open_device();
    let table = file.create(1).unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..each).for_each(|_| update(&file, table, 0, |state| state + 1)));
        }
    });
    assert_eq!(file.read(table, 0), Ok(4 * each));
}

/// Of several that want to set a flag, one has set it.
#[test]
fn a_flag_is_set_once() {
    const ROUNDS: u32 = 2000;
    let file = open_device();
    let table = file.create(ROUNDS).unwrap();
    let won: u32 = thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let won = |addr: &u32| {
                        let mut ops = [expect(*addr, 0), set(*addr, 1)];
                        file.batch(table, &mut ops).is_ok()
                    };
                    (0..ROUNDS).filter(won).count() as u32
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    assert_eq!(won, ROUNDS);
    assert!(file.states(table, ROUNDS).iter().all(|state| *state == 1));
}
