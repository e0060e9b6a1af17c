// SPDX-License-Identifier: MIT OR Apache-2.0

//! Batches are isolated: threads that mix single and batch operations on one table see each batch
//! whole or not at all.

use atomik_test_support::{
    raw::{RawFile, accum, load, open_device, read, swap},
    rounds::steps,
};
use atomik_uapi::BatchOp;
use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
};

/// Batches that each test runs while others interfere.
const ROUNDS: u64 = 3000;

/// Tells other threads that a test is done when dropped, also when it panics.
pub struct Done<'a>(pub &'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Calls `watched` while a thread for each of `interfering` calls that again and again: until all of
/// them have had turns meanwhile.
pub fn with_interference(watched: impl Fn(), interfering: &[&(dyn Fn(u64) + Sync)]) {
    let done = AtomicBool::new(false);
    let rounds: Vec<AtomicU64> = interfering.iter().map(|_| AtomicU64::new(0)).collect();
    thread::scope(|scope| {
        for (body, count) in interfering.iter().zip(&rounds) {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    body(count.fetch_add(1, Ordering::Relaxed));
                }
            });
        }
        let _done = Done(&done);
        let turns = || -> Vec<u64> { rounds.iter().map(|n| n.load(Ordering::Relaxed)).collect() };
        while turns().iter().any(|turns| *turns < 10) {
            thread::yield_now();
        }
        let before = turns();
        // At least once: the others may be far ahead by now.
        loop {
            watched();
            if turns()
                .iter()
                .zip(&before)
                .all(|(now, before)| now - before >= 10)
            {
                break;
            }
        }
    });
}

#[test]
fn nothing_lands_inside_a_batch() {
    let file = open_device();
    let table = file.create(64).unwrap();
    // The length gives the others time to try.
    let watched = || {
        for round in 0..steps(ROUNDS) {
            let mut ops = vec![accum(0, round), read(0)];
            ops.extend((0..200).map(|i| accum(1 + i % 60, 1)));
            ops.extend([read(0), accum(0, round), swap(0), read(0)]);
            file.batch(table, &mut ops).unwrap();
            let [.., before, _, swapped, last] = &ops[..] else {
                unreachable!()
            };
            assert_eq!(ops[1].value, before.value, "round {round}");
            assert_eq!(before.value ^ round, swapped.value, "round {round}");
            assert_eq!(swapped.value, last.value, "round {round}");
        }
    };
    with_interference(
        watched,
        &[
            &|n| file.accum(table, 0, n | 1).unwrap(),
            &|n| {
                file.load(table, 0, n).unwrap();
                file.swap(table, 0, n | 1).unwrap();
            },
            &|n| {
                file.batch(table, &mut [accum(0, n | 1), load(0, n)])
                    .unwrap()
            },
        ],
    );
}

#[test]
fn no_batch_is_seen_half_done() {
    let file = open_device();
    let table = file.create(256).unwrap();
    // Each batch makes all contexts differ, and leaves them equal.
    let write = |value: u64| {
        let mut ops: Vec<BatchOp> = (0..256).map(|addr| load(addr, value)).collect();
        ops.extend((0..256).map(|addr| accum(addr, 1)));
        file.batch(table, &mut ops).unwrap();
    };
    let watched = || {
        for _ in 0..steps(ROUNDS) {
            let mut ops = [0, 255, 128, 1].map(read);
            file.batch(table, &mut ops).unwrap();
            assert!(ops.iter().all(|op| op.value == ops[0].value), "{ops:?}");
        }
    };
    with_interference(
        watched,
        &[
            &|n| write(n << 1),
            &|n| write((n << 1) | (1 << 63)),
            &|_| {
                file.read(table, 7).unwrap();
            },
        ],
    );
}

#[test]
fn single_reads_do_not_see_a_batch_half_done() {
    let file = open_device();
    let table = file.create(256).unwrap();
    // Batches count up, first context first. After a number in one context, no older one may be
    // seen in the next.
    let count_up = |file: &RawFile, number: u64| {
        let mut ops: Vec<BatchOp> = (0..256).map(|addr| load(addr, number)).collect();
        file.batch(table, &mut ops).unwrap();
    };
    let watched = || {
        for number in 1..steps(ROUNDS) {
            count_up(&file, number);
        }
    };
    let reader = |_: u64| {
        let first = file.read(table, 0).unwrap();
        let last = file.read(table, 255).unwrap();
        assert!(
            last >= first,
            "{first} in the first context, {last} in the last"
        );
    };
    with_interference(
        watched,
        &[&reader, &reader, &|_| {
            let first = file.swap(table, 0, 0).unwrap();
            let last = file.swap(table, 255, 0).unwrap();
            assert!(
                last >= first,
                "{first} in the first context, {last} in the last"
            );
        }],
    );
}

#[test]
fn no_delta_is_lost() {
    let file = open_device();
    let table = file.create(8).unwrap();
    // Each thread's deltas have bits of their own, so that a lost one can be named.
    let deltas = 4 * steps(ROUNDS);
    thread::scope(|scope| {
        for thread in 0..4u32 {
            let file = &file;
            scope.spawn(move || {
                for n in 1..=deltas {
                    let delta = ((n ^ (n - 1)) & 0xFFFF) << (16 * thread);
                    match n % 3 {
                        0 => file.batch(table, &mut [accum(3, delta), read(5)]).unwrap(),
                        _ => file.accum(table, 3, delta).unwrap(),
                    }
                }
            });
        }
    });
    // XOR of n ^ (n - 1) for n = 1..=N is N.
    let expected = (0..4).fold(0, |sum, thread| sum | ((deltas & 0xFFFF) << (16 * thread)));
    assert_eq!(file.read(table, 3), Ok(expected));
}

#[test]
fn each_state_is_swapped_once() {
    let file = open_device();
    let table = file.create(1).unwrap();
    // Every thread puts in numbers of its own and takes out those it finds. None may get lost or
    // come out twice.
    let total = AtomicU64::new(0);
    thread::scope(|scope| {
        for thread in 1..=4u64 {
            let (file, total) = (&file, &total);
            scope.spawn(move || {
                for n in 0..steps(ROUNDS) {
                    let number = (thread << 32) | (n + 1);
                    let found = file.swap(table, 0, number).unwrap();
                    total.fetch_add(number.wrapping_sub(found), Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(file.read(table, 0), Ok(total.load(Ordering::Relaxed)));
}
