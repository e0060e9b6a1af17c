// SPDX-License-Identifier: MIT OR Apache-2.0

//! DESTROY_TABLE against everything else: each operation gets its full effect or ENOENT.

use atomik_test_support::{
    raw::{accum, load, open_device, read, swap},
    rounds::steps,
};
use nix::errno::Errno;
use std::{
    sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    thread,
};

#[test]
fn destroy_races_with_everything() {
    let tables = steps(1500);
    let file = open_device();
    let current = AtomicU32::new(0);
    let done = AtomicBool::new(false);
    let (served, refused) = (AtomicU64::new(0), AtomicU64::new(0));

    /// Checks an operation's result, and tells success from ENOENT.
    fn check<T>(result: Result<T, Errno>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(Errno::ENOENT) => None,
            Err(other) => panic!("{other}"),
        }
    }

    let update =
        |table| check(file.accum(table, 0, 1)).is_some() && check(file.load(table, 1, 2)).is_some();
    // All states of a live table are below 8; those of other tables are not.
    let look = |table| {
        let state = check(file.read(table, 0));
        assert!(state.is_none_or(|state| state < 8));
        let state = check(file.swap(table, 1, 3));
        assert!(state.is_none_or(|state| state < 8));
        state.is_some()
    };
    let batch = |table| {
        let mut ops = [load(2, 1), accum(2, 4), swap(2), accum(2, 4), read(2)];
        let served = check(file.batch(table, &mut ops)).is_some();
        // Where the batch fails, the values mean nothing.
        if served {
            assert_eq!([ops[2].value, ops[4].value], [5, 1]);
        }
        served
    };
    // Once gone, always gone.
    let gone = |table| {
        let first = check(file.read(table, 3)).is_some();
        let second = check(file.accum(table, 3, 0)).is_some();
        assert!(first || !second);
        second
    };
    let everything: [&(dyn Fn(u32) -> bool + Sync); 4] = [&update, &look, &batch, &gone];

    thread::scope(|scope| {
        for body in everything {
            let (current, done, served, refused) = (&current, &done, &served, &refused);
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    let count = if body(current.load(Ordering::Relaxed)) {
                        served
                    } else {
                        refused
                    };
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for _ in 0..tables {
            let table = file.create(4).unwrap();
            current.store(table, Ordering::Relaxed);
            let before = served.load(Ordering::Relaxed);
            while served.load(Ordering::Relaxed) < before + 2 {
                thread::yield_now();
            }
            file.destroy(table).unwrap();
            assert_eq!(file.read(table, 0), Err(Errno::ENOENT));
            assert_eq!(file.destroy(table), Err(Errno::ENOENT));
            // The next table in this place leaves large values behind.
            let other = file.create(4).unwrap();
            file.load(other, 0, 1 << 40).unwrap();
            file.load(other, 1, 1 << 40).unwrap();
            file.destroy(other).unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(served.into_inner() > tables);
    assert!(refused.into_inner() > 0);
}

#[test]
fn one_destroy_of_many_succeeds() {
    let file = open_device();
    for _ in 0..steps(300) {
        let table = file.create(16).unwrap();
        let destroyed = thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| file.destroy(table)))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .filter(|result| match result {
                    Ok(()) => true,
                    Err(error) => {
                        assert_eq!(*error, Errno::ENOENT);
                        false
                    }
                })
                .count()
        });
        assert_eq!(destroyed, 1);
    }
}

#[test]
fn create_races_with_create() {
    let file = open_device();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for n in 1..300 {
                    let table = file.create(n).unwrap();
                    file.load(table, n - 1, n.into()).unwrap();
                    assert_eq!(file.read(table, n - 1), Ok(n.into()));
                    assert_eq!(file.read(table, n), Err(Errno::EINVAL));
                    file.destroy(table).unwrap();
                }
            });
        }
    });
    assert_eq!(atomik_test_support::fdinfo::read(&file).tables, 0);
}
