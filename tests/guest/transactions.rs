// SPDX-License-Identifier: MIT OR Apache-2.0

//! Conditions and transactions of the crate `atomik` on the real device.

use atomik::{Batch, Context, Device, Error, MAX_ATTEMPTS, MAX_BATCH, Table};
use std::thread;

fn table(contexts: u32) -> Table {
    Device::open().unwrap().create_table(contexts).unwrap()
}

fn states(table: &Table) -> Vec<u64> {
    let image = table.snapshot(0..table.size().unwrap()).unwrap();
    image.into_iter().map(Context::state).collect()
}

#[test]
fn a_batch_with_conditions_is_applied_or_names_the_first_that_fails() {
    let table = table(4);
    let mut batch = Batch::new();
    batch.expect(0, 0).set(0, 5).accum(1, 3).expect(1, 0);
    let read = batch.read(0);
    assert_eq!(table.run(&mut batch).unwrap().get(read).unwrap(), 5);
    assert_eq!(states(&table), [5, 3, 0, 0]);
    // Both conditions fail, and the batch is as it was, as often as it is run.
    for _ in 0..3 {
        let error = table.run(&mut batch).unwrap_err();
        assert!(
            matches!(
                error,
                Error::Canceled {
                    entry: 0,
                    addr: 0,
                    expected: 0,
                    found: 5
                }
            ),
            "{error}"
        );
    }
    table.load(0, 0).unwrap();
    let error = table.run(&mut batch).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Canceled {
                entry: 3,
                addr: 1,
                expected: 0,
                found: 3
            }
        ),
        "{error}"
    );
    table.load(1, 0).unwrap();
    assert_eq!(table.run(&mut batch).unwrap().get(read).unwrap(), 5);
    assert_eq!(states(&table), [5, 3, 0, 0]);
}

#[test]
fn a_submitted_batch_with_conditions_serves_many_threads() {
    let table = table(1);
    let mut batch = Batch::new();
    batch.expect(0, 0).set(0, 1);
    let done: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| match table.submit(&batch) {
                    Ok(()) => 1,
                    Err(Error::Canceled { found: 1, .. }) => 0,
                    Err(error) => panic!("{error}"),
                })
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).sum()
    });
    assert_eq!(done, 1);
    // It was not written to.
    table.load(0, 0).unwrap();
    table.submit(&batch).unwrap();
}

#[test]
fn single_changes() {
    let table = table(2);
    table.load(0, 0xff).unwrap();
    table.set(0, 0xf0).unwrap();
    let context = table.context(0).unwrap();
    assert_eq!((context.reference, context.accumulator), (0xff, 0x0f));
    assert_eq!(table.compare_exchange(0, 0xf0, 7).unwrap(), Ok(0xf0));
    assert_eq!(table.compare_exchange(0, 0xf0, 8).unwrap(), Err(7));
    assert_eq!(table.update(0, |state| state + 1).unwrap(), 7);
    assert_eq!(table.read(0).unwrap(), 8);
    assert_eq!(table.context(0).unwrap().reference, 0xff);
}

#[test]
fn changes_through_the_trait() {
    use atomik::ContextTable;
    let mut table = table(2);
    let any: &mut dyn ContextTable = &mut table;
    any.set(0, 8).unwrap();
    any.set(1, 3).unwrap();
    assert_eq!(any.compare_exchange(1, 3, 4).unwrap(), Ok(3));
    assert_eq!(any.compare_exchange(1, 3, 5).unwrap(), Err(4));
    assert_eq!(any.update(1, &mut |state| state + 2).unwrap(), 4);
    any.transact(&[0, 1], &mut |states| states.swap(0, 1))
        .unwrap();
    assert_eq!(states(&table), [6, 8]);
}

#[test]
fn wrong_addresses_are_named_whether_or_not_the_size_is_known() {
    let device = Device::open().unwrap();
    let table = device.create_table(16).unwrap();
    for table in [&*table, &device.table(table.id()).unwrap()] {
        let errors = [
            table.set(16, 1).unwrap_err(),
            table.compare_exchange(16, 0, 1).unwrap_err(),
            table.update(16, |state| state + 1).unwrap_err(),
            table.swap_with(16, 0).unwrap_err(),
        ];
        for error in errors {
            let right = matches!(
                error,
                Error::Address {
                    addr: 16,
                    entry: None,
                    ..
                }
            );
            assert!(right, "{error}");
        }
        let mut batch = Batch::new();
        batch.expect(0, 0).set(16, 1);
        let last = Some(1);
        for result in [table.submit(&batch), table.run(&mut batch).map(drop)] {
            let error = result.unwrap_err();
            let right = matches!(error, Error::Address { addr: 16, entry, .. } if entry == last);
            assert!(right, "{error}");
        }
        let error = table.transact(&[0, 16], |s| s[0] += 1).unwrap_err();
        let right = matches!(error, Error::Address { addr: 16, entry, .. } if entry == last);
        assert!(right, "{error}");
        let error = table.transact(&[0, 3, 0], |s| s[0] += 1).unwrap_err();
        assert!(matches!(error, Error::RepeatedAddress { addr: 0 }));
    }
    assert_eq!(states(&table), [0; 16]);
}

#[test]
fn a_counter_of_several_threads_is_exact() {
    const ROUNDS: u64 = 500;
    let table = table(1);
    thread::scope(|scope| {
        for thread in 0..4 {
            let table = &table;
            scope.spawn(move || {
                for _ in 0..ROUNDS {
                    if thread % 2 == 0 {
                        table.update(0, |count| count + 1).unwrap();
                    } else {
                        table.transact(&[0], |counts| counts[0] += 1).unwrap();
                    }
                }
            });
        }
    });
    assert_eq!(table.read(0).unwrap(), 4 * ROUNDS);
}

#[test]
fn a_sum_over_several_contexts_stays() {
    const ACCOUNTS: u32 = 5;
    const EACH: u64 = 100;
    const ROUNDS: u32 = 300;
    let table = table(ACCOUNTS);
    let all: Vec<u32> = (0..ACCOUNTS).collect();
    table
        .transact(&all, |accounts| accounts.fill(EACH))
        .unwrap();
    let sum = || table.transact(&all, |accounts| accounts.iter().sum::<u64>());
    thread::scope(|scope| {
        for thread in 0..3 {
            let table = &table;
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let from = (round + thread) % ACCOUNTS;
                    let to = (from + 1 + round % (ACCOUNTS - 1)) % ACCOUNTS;
                    let amount = u64::from(round % 30);
                    let transfer = |accounts: &mut [u64]| {
                        if accounts[0] >= amount {
                            accounts[0] -= amount;
                            accounts[1] += amount;
                        }
                    };
                    table.transact(&[from, to], transfer).unwrap();
                }
            });
        }
        for _ in 0..ROUNDS {
            assert_eq!(sum().unwrap(), u64::from(ACCOUNTS) * EACH);
        }
    });
    assert_eq!(sum().unwrap(), u64::from(ACCOUNTS) * EACH);
}

#[test]
fn where_others_are_always_faster_it_ends() {
    let table = table(2);
    let mut calls = 0;
    let error = table
        .update(1, |state| {
            calls += 1;
            table.accum(1, 1 << 40).unwrap();
            state + 1
        })
        .unwrap_err();
    let contended = |error: &Error| {
        let attempts = MAX_ATTEMPTS;
        matches!(error, Error::Contended { addr: 1, attempts: a } if *a == attempts)
    };
    assert!(contended(&error), "{error}");
    assert_eq!(calls, MAX_ATTEMPTS);
    let error = table
        .transact(&[0, 1], |states| {
            calls += 1;
            table.accum(1, 1 << 40).unwrap();
            states[0] += 1;
        })
        .unwrap_err();
    assert!(contended(&error), "{error}");
    assert_eq!(calls, 2 * MAX_ATTEMPTS);
    assert_eq!(states(&table), [0, 0]);
}

#[test]
fn a_transaction_takes_half_a_batch() {
    let table = table(MAX_BATCH);
    let addrs: Vec<u32> = (0..MAX_BATCH / 2).map(|n| 2 * n).collect();
    table
        .transact(&addrs, |states| {
            for (state, addr) in states.iter_mut().zip(&addrs) {
                *state += u64::from(*addr) + 1;
            }
        })
        .unwrap();
    let expected = (0..u64::from(MAX_BATCH)).map(|n| if n % 2 == 0 { n + 1 } else { 0 });
    assert!(states(&table).into_iter().eq(expected));
    let error = table.transact(&[&addrs[..], &[1]].concat(), |_| ());
    assert!(matches!(error, Err(Error::BatchTooLong { entries: 4098 })));
    // Of none it works even without the table.
    let gone = table.into_ref();
    gone.clone().destroy().unwrap();
    assert_eq!(gone.transact(&[], |states| states.len()).unwrap(), 0);
}
