// SPDX-License-Identifier: MIT OR Apache-2.0

//! The crate's reads of several states as of one moment, through a mapping.

use crate::isolation::{Done, with_interference};
use atomik::{Batch, Context, Device, Error, LocalError, MAX_BATCH, Rights, TableRef, TableView};
use atomik_test_support::{fdinfo, rounds::steps};
use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
};

/// Contexts that batches change together.
const CONTEXTS: u32 = 16;

/// Reads that the tests make while batches interfere.
const ROUNDS: u64 = 3000;

/// All contexts, and each once more, so that a long read takes its time.
fn addrs(times: usize) -> Vec<u32> {
    (0..CONTEXTS).collect::<Vec<_>>().repeat(times)
}

/// Entries by which a batch makes all states differ, and then all the same.
const ENTRIES: u32 = 2 * CONTEXTS;

/// Makes the states those of `number`, by a batch that does so again and again: the same in all
/// contexts.
fn set_all(table: &TableRef, number: u64, times: u32) {
    let mut batch = Batch::new();
    for _ in 0..times {
        for addr in 0..CONTEXTS {
            batch.load(addr, number + u64::from(addr));
        }
        for addr in 0..CONTEXTS {
            batch.accum(addr, number ^ (number + u64::from(addr)));
        }
    }
    table.submit(&batch).unwrap();
}

/// The same, by RESTORE.
fn restore_all(table: &TableRef, number: u64) {
    let context = Context {
        reference: number ^ 0xff,
        accumulator: 0xff,
    };
    table.restore(0, &[context; CONTEXTS as usize]).unwrap();
}

/// Makes sure that all states are the same.
fn assert_whole(states: &[u64]) {
    assert!(
        states.iter().all(|state| *state == states[0]),
        "{states:x?}"
    );
}

/// The first state, where all are the same in a closure's read.
fn whole(view: &TableView<'_>) -> u64 {
    let read = view.read_consistently(|states| {
        let all: Result<Vec<u64>, Error> = (0..states.contexts()).map(|a| states.read(a)).collect();
        all
    });
    let states = read.unwrap();
    assert_whole(&states);
    states[0]
}

#[test]
fn no_read_is_torn() {
    let device = Device::open().unwrap();
    let table = device.create_table(CONTEXTS).unwrap();
    let export = table
        .export(Rights::ReadOnly)
        .unwrap()
        .only_table()
        .unwrap();
    let views = [table.view().unwrap(), export.view().unwrap()];
    let addrs = addrs(1);
    let watched = || {
        for _ in 0..steps(ROUNDS) {
            for view in &views {
                let mut states = [0; CONTEXTS as usize];
                view.read_consistent(&addrs, &mut states).unwrap();
                assert_whole(&states);
                whole(view);
            }
        }
    };
    with_interference(
        watched,
        &[
            &|n| set_all(&table, n << 8, 1),
            &|n| set_all(&table, (n << 8) | (1 << 63), 8),
            &|n| restore_all(&table, n << 8),
            &|_| drop(table.snapshot(0..CONTEXTS).unwrap()),
        ],
    );
}

/// A read that meets a writer in each attempt is a system call, which the driver counts.
#[test]
fn a_read_ends_though_a_writer_never_pauses() {
    let device = Device::open().unwrap();
    for length in [1, MAX_BATCH as usize / CONTEXTS as usize, 1000] {
        let table = device.create_table(CONTEXTS).unwrap();
        let view = table.view().unwrap();
        let addrs = addrs(length);
        let by_call = || -> bool {
            let before = fdinfo::read(&device).ops;
            let (done, written) = (AtomicBool::new(false), AtomicU64::new(0));
            thread::scope(|scope| {
                scope.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        let number = written.load(Ordering::Relaxed);
                        set_all(&table, number << 8, MAX_BATCH / ENTRIES);
                        written.fetch_add(1, Ordering::Relaxed);
                    }
                });
                let _done = Done(&done);
                while written.load(Ordering::Relaxed) == 0 {
                    thread::yield_now();
                }
                for _ in 0..100 {
                    let mut states = vec![0; addrs.len()];
                    view.read_consistent(&addrs, &mut states).unwrap();
                    assert_whole(&states);
                    whole(&view);
                }
            });
            let by_writer = written.into_inner() * u64::from(MAX_BATCH);
            fdinfo::read(&device).ops - before > by_writer
        };
        while !by_call() {}
        drop(view);
        table.destroy().unwrap();
    }
}

#[test]
fn it_reads_what_it_is_asked_for_and_counts_as_nothing() {
    let device = Device::open().unwrap();
    let table = device.create_table(5000).unwrap();
    let contexts: Vec<_> = (0..5000)
        .map(|n| Context {
            reference: n,
            accumulator: 7,
        })
        .collect();
    table.restore(0, &contexts).unwrap();
    let map = table.map().unwrap();
    let before = fdinfo::read(&device);
    let read = |addrs: &[u32]| {
        let mut states = vec![!0; addrs.len()];
        map.read_consistent(addrs, &mut states).unwrap();
        let expected: Vec<_> = addrs.iter().map(|&addr| u64::from(addr) ^ 7).collect();
        assert_eq!(states, expected);
    };
    read(&[]);
    // Together, the bits of these make an address that the table lacks.
    read(&[4999, 2, 4096, 2, 3967]);
    read(&(0..5000).rev().collect::<Vec<_>>());
    let sum = map.read_consistently(|states| Ok(states.read(3)? + states.read(4999)?));
    assert_eq!(sum.unwrap(), (3 ^ 7) + (4999 ^ 7));
    assert_eq!(fdinfo::read(&device), before);
}

#[test]
fn bad_arguments_are_refused() {
    let device = Device::open().unwrap();
    let table = device.create_table(600).unwrap();
    table.load(0, 5).unwrap();
    let view = table.view().unwrap();
    let mut states = [!0; 3];
    let error = view.read_consistent(&[0, 1], &mut states).unwrap_err();
    let Error::Local(LocalError::Lengths {
        addresses, words, ..
    }) = error
    else {
        panic!("{error}");
    };
    assert_eq!((addresses, words), (2, 3));
    for beyond in [600, 1023, 1024, u32::MAX] {
        let error = view
            .read_consistent(&[0, 599, beyond], &mut states)
            .unwrap_err();
        let Error::Address {
            addr,
            entry,
            contexts,
            ..
        } = error
        else {
            panic!("{error}");
        };
        assert_eq!((addr, entry, contexts), (beyond, Some(2), Some(600)));
        let error = view
            .read_consistently(|states| states.read(beyond))
            .unwrap_err();
        assert!(
            matches!(error, Error::Address { entry: None, .. }),
            "{error}"
        );
    }
    // An error of the caller's own comes back.
    let error = view.read_consistently(|_| Err::<(), _>(Error::NoTable));
    assert!(matches!(error, Err(Error::NoTable)));
}

#[test]
fn a_destroyed_table_shows_its_last_states() {
    let device = Device::open().unwrap();
    let table = device.create_table(CONTEXTS).unwrap();
    let other = device.table(table.id()).unwrap();
    let view = other.view().unwrap();
    set_all(&table, 0x100, 1);
    table.destroy().unwrap();
    let mut states = [0; CONTEXTS as usize];
    view.read_consistent(&addrs(1), &mut states).unwrap();
    assert_eq!(states, [0x100; CONTEXTS as usize]);
}
