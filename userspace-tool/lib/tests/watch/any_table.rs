// SPDX-License-Identifier: MIT OR Apache-2.0

//! Watching any table: the same in this process and on the device, whose tests take this file too.

use std::os::fd::AsFd;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use atomik::{Batch, Change, ContextTable, Error, Watch};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

pub type Table = Box<dyn ContextTable + Send>;

/// Makes a table of so many contexts.
type Make<'a> = &'a dyn Fn(u32) -> Table;

/// Makes a test of each function of this file, on the tables that `$make` makes.
macro_rules! tests {
    ($make:expr) => {
        tests! {
            $make;
            the_first_read_tells_the_range
            changes_are_told
            what_changes_nothing_is_not_told
            changes_are_folded
            watches_have_ranges_of_their_own
            wrong_ranges_are_refused
            what_is_left_is_told_after_the_table
            timeouts_end
            the_iterator_and_reads_take_turns
            a_dropped_watch_holds_up_nobody
            many_changes_at_once
            batches_are_told_whole
            a_reader_is_woken
        }
    };
    ($make:expr; $($name:ident)+) => {
        $(
            #[test]
            fn $name() {
                any_table::$name(&$make);
            }
        )+
    };
}
pub(crate) use tests;

pub fn change(addr: u32, state: u64) -> Change {
    Change { addr, state }
}

/// What there is to tell now. The descriptor is readable just then.
#[track_caller]
pub fn told(watch: &mut Watch) -> Option<Vec<Change>> {
    let mut fds = [PollFd::new(watch.as_fd(), PollFlags::POLLIN)];
    let readable = poll(&mut fds, PollTimeout::ZERO).unwrap() > 0;
    let told = watch.try_read().unwrap().map(<[Change]>::to_vec);
    assert_eq!(told.is_some(), readable);
    told
}

/// A table of `count` contexts, and a watch on all of them that has nothing to tell.
fn watched(make: Make<'_>, count: u32) -> (Table, Watch) {
    let table = make(count);
    let mut watch = table.watch(0..count).unwrap();
    assert_eq!(watch.read().unwrap().len(), count as usize);
    (table, watch)
}

pub fn the_first_read_tells_the_range(make: Make<'_>) {
    let mut table = make(5);
    table.load(2, 7).unwrap();
    let mut watch = table.watch(1..4).unwrap();
    assert_eq!(watch.range(), 1..4);
    let expected = [change(1, 0), change(2, 7), change(3, 0)];
    assert_eq!(told(&mut watch).unwrap(), expected);
    assert_eq!(told(&mut watch), None);
}

pub fn changes_are_told(make: Make<'_>) {
    let (mut table, mut watch) = watched(make, 8);
    let mut expect = |what: &str, expected: &[(u32, u64)]| {
        let expected: Vec<_> = expected.iter().map(|&(a, s)| change(a, s)).collect();
        assert_eq!(told(&mut watch).as_ref(), Some(&expected), "{what}");
        assert_eq!(told(&mut watch), None, "{what}");
    };
    table.load(0, 5).unwrap();
    expect("LOAD", &[(0, 5)]);
    // It may, of the same state, too: so watchers needn't know states.
    table.load(0, 5).unwrap();
    expect("LOAD of the same", &[(0, 5)]);
    table.accum(1, 6).unwrap();
    expect("ACCUM", &[(1, 6)]);
    table.set(2, 7).unwrap();
    expect("SET", &[(2, 7)]);
    table.swap_with(2, 8).unwrap();
    expect("SWAP with a reference", &[(2, 8)]);
    table.swap_with(2, 0).unwrap();
    expect("SWAP with 0", &[(2, 0)]);
    assert_eq!(table.compare_exchange(3, 0, 9).unwrap(), Ok(0));
    expect("compare_exchange", &[(3, 9)]);
    table.update(3, &mut |state| state + 1).unwrap();
    expect("update", &[(3, 10)]);
    table
        .transact(&[5, 4], &mut |states| states.copy_from_slice(&[50, 40]))
        .unwrap();
    expect("transact", &[(4, 40), (5, 50)]);
    table.accum_many(&[7, 6, 7], &[1, 2, 4]).unwrap();
    expect("accum_many", &[(6, 2), (7, 5)]);
    let mut batch = Batch::new();
    batch.load(0, 1).accum(1, 6).accum(2, 0).set(3, 2);
    table.submit(&batch).unwrap();
    expect("submit", &[(0, 1), (1, 0), (3, 2)]);
    batch.read(6);
    batch.swap(7);
    table.run(&mut batch).unwrap();
    expect("run", &[(0, 1), (1, 6), (3, 2)]);
    table.load_value(4, &[1]).unwrap();
    table.accum_value(5, &[1]).unwrap();
    table.set_value(6, &[1]).unwrap();
    table.swap_value_with(7, &[1]).unwrap();
    expect("of any width", &[(4, 1), (5, 51), (6, 1), (7, 1)]);
    let _ = table.compare_exchange_value(7, &[1], &[2]).unwrap();
    expect("compare_exchange of any width", &[(7, 2)]);
}

pub fn what_changes_nothing_is_not_told(make: Make<'_>) {
    let (mut table, mut watch) = watched(make, 4);
    table.read(0).unwrap();
    table.context(0).unwrap();
    table.nonzero().unwrap();
    table.accum(0, 0).unwrap();
    table.accum_value(0, &[0]).unwrap();
    table.swap(0).unwrap();
    table.swap_value(0).unwrap();
    table.accum_many(&[0, 1], &[0, 0]).unwrap();
    assert_eq!(table.compare_exchange(0, 1, 2).unwrap(), Err(0));
    table.update(0, &mut |state| state).unwrap();
    table.transact(&[0, 1], &mut |_| ()).unwrap();
    let mut batch = Batch::new();
    batch.expect(0, 0).accum(0, 0);
    table.submit(&batch).unwrap();
    batch.read(0);
    batch.swap(0);
    table.run(&mut batch).unwrap();
    // What is refused, too.
    batch.set(0, 1).expect(0, 1);
    table.run(&mut batch).unwrap_err();
    table.load(4, 1).unwrap_err();
    table.accum_many(&[0, 4], &[1, 1]).unwrap_err();
    assert_eq!(told(&mut watch), None);
}

pub fn changes_are_folded(make: Make<'_>) {
    let (mut table, mut watch) = watched(make, 100);
    for state in 1..=20 {
        table.load(99, state).unwrap();
        table.accum(3, state).unwrap();
        table.set(70, state).unwrap();
    }
    let sum = (1..=20).fold(0, |sum, state| sum ^ state);
    let expected = [change(3, sum), change(70, 20), change(99, 20)];
    assert_eq!(told(&mut watch).unwrap(), expected);
    assert_eq!(told(&mut watch), None);
}

pub fn watches_have_ranges_of_their_own(make: Make<'_>) {
    let (mut table, mut all) = watched(make, 300);
    let mut some = table.watch(100..200).unwrap();
    let mut one = table.watch(150..151).unwrap();
    for addr in [0, 99, 200, 299] {
        table.load(addr, 1).unwrap();
    }
    assert_eq!(told(&mut some).unwrap().len(), 100);
    assert_eq!(told(&mut one).unwrap(), [change(150, 0)]);
    assert_eq!(told(&mut all).unwrap().len(), 4);
    table.load(99, 2).unwrap();
    table.load(200, 2).unwrap();
    assert_eq!((told(&mut some), told(&mut one)), (None, None));
    table.load(150, 3).unwrap();
    table.load(199, 3).unwrap();
    assert_eq!(told(&mut one).unwrap(), [change(150, 3)]);
    let both = [change(150, 3), change(199, 3)];
    assert_eq!(told(&mut some).unwrap(), both);
    assert_eq!(told(&mut all).unwrap().len(), 4);
}

pub fn wrong_ranges_are_refused(make: Make<'_>) {
    let (mut table, mut watch) = watched(make, 8);
    for (start, end) in [
        (0, 0),
        (3, 3),
        (5, 3),
        (0, 9),
        (7, 9),
        (8, 9),
        (8, 8),
        (9, u32::MAX),
    ] {
        let error = table.watch(start..end).unwrap_err();
        let right = matches!(error, Error::Range { addr, count, contexts: Some(8), .. }
            if addr == start && count == u64::from(end.saturating_sub(start)));
        assert!(right, "{start}..{end}: {error}");
    }
    table.load(7, 1).unwrap();
    assert_eq!(told(&mut watch).unwrap(), [change(7, 1)]);
    let mut last = table.watch(7..8).unwrap();
    assert_eq!(told(&mut last).unwrap(), [change(7, 1)]);
}

pub fn what_is_left_is_told_after_the_table(make: Make<'_>) {
    let (mut table, mut watch) = watched(make, 4);
    let mut unread = table.watch(1..3).unwrap();
    let mut iterated = table.watch(0..1).unwrap();
    table.load(2, 9).unwrap();
    drop(table);
    assert_eq!(told(&mut watch).unwrap(), [change(2, 9)]);
    assert_eq!(unread.read().unwrap(), [change(1, 0), change(2, 9)]);
    for watch in [&mut watch, &mut unread] {
        for _ in 0..3 {
            assert_eq!(told(watch).unwrap(), []);
            assert_eq!(watch.read().unwrap(), []);
            let none = watch.read_timeout(Duration::MAX).unwrap().unwrap();
            assert_eq!(none, []);
        }
        assert!(watch.next().is_none());
    }
    let all: Vec<_> = iterated.by_ref().map(Result::unwrap).collect();
    assert_eq!(all, [change(0, 0)]);
    assert!(iterated.next().is_none());
}

pub fn timeouts_end(make: Make<'_>) {
    let (mut table, mut watch) = watched(make, 4);
    for timeout in [
        Duration::ZERO,
        Duration::from_nanos(1),
        Duration::from_millis(2),
    ] {
        assert_eq!(watch.read_timeout(timeout).unwrap(), None);
    }
    for timeout in [Duration::ZERO, Duration::from_secs(9), Duration::MAX] {
        table.load(1, 1).unwrap();
        let told = watch.read_timeout(timeout).unwrap().unwrap();
        assert_eq!(told, [change(1, 1)]);
    }
}

pub fn the_iterator_and_reads_take_turns(make: Make<'_>) {
    let (mut table, mut watch) = watched(make, 4);
    for addr in 0..4 {
        table.load(addr, 1).unwrap();
    }
    assert_eq!(watch.next().unwrap().unwrap(), change(0, 1));
    // This comes later than the rest of those that were read.
    table.load(1, 2).unwrap();
    assert_eq!(watch.next().unwrap().unwrap(), change(1, 1));
    assert_eq!(watch.read().unwrap(), [change(2, 1), change(3, 1)]);
    assert_eq!(watch.next().unwrap().unwrap(), change(1, 2));
    table.load(3, 3).unwrap();
    assert_eq!(watch.read().unwrap(), [change(3, 3)]);
    assert_eq!(told(&mut watch), None);
}

pub fn a_dropped_watch_holds_up_nobody(make: Make<'_>) {
    let (mut table, mut watch) = watched(make, 4);
    let never_read = table.watch(0..4).unwrap();
    let unread = table.watch(0..4).unwrap();
    table.load(0, 1).unwrap();
    drop(never_read);
    table.load(1, 1).unwrap();
    assert_eq!(told(&mut watch).unwrap(), [change(0, 1), change(1, 1)]);
    drop(watch);
    table.load(2, 1).unwrap();
    drop((unread, table));
}

pub fn many_changes_at_once(make: Make<'_>) {
    const COUNT: u32 = 65536;
    let (mut table, mut watch) = watched(make, COUNT);
    for round in 1..=2u64 {
        let addrs: Vec<u32> = (0..COUNT).rev().collect();
        table
            .accum_many(&addrs, &vec![round; COUNT as usize])
            .unwrap();
        let state = (1..=round).fold(0, |state, delta| state ^ delta);
        let all: Vec<_> = (0..COUNT).map(|addr| change(addr, state)).collect();
        assert!(told(&mut watch).unwrap() == all);
    }
}

/// A writer keeps contexts equal by batches, and ends by dropping the table. No read sees them
/// differ, and the last state is told.
pub fn batches_are_told_whole(make: Make<'_>) {
    const LAST: u64 = 2000;
    let (mut table, mut watch) = watched(make, 64);
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut batch = Batch::new();
            for round in 1..=LAST {
                batch.clear();
                batch
                    .load(0, round)
                    .accum(31, round ^ (round - 1))
                    .set(63, round);
                table.submit(&batch).unwrap();
            }
        });
        let mut last = 0;
        loop {
            let states: Vec<_> = watch.read().unwrap().iter().map(|c| c.state).collect();
            let [first, ref others @ ..] = states[..] else {
                break;
            };
            assert_eq!(others, [first; 2]);
            assert!(first > last);
            last = first;
        }
        assert_eq!(last, LAST);
    });
}

/// Two threads answer each other, each woken by the other's change: a lost wake-up ends in a test
/// that never does. The watches were made in a thread of their own.
pub fn a_reader_is_woken(make: Make<'_>) {
    let tables = [make(4), make(4)];
    let watches = thread::scope(|scope| {
        let watch = |table: &Table| table.watch(1..3).unwrap();
        let made = tables.iter().map(watch).collect::<Vec<_>>();
        scope.spawn(move || made).join().unwrap()
    });
    let (send, done) = mpsc::channel();
    thread::scope(|scope| {
        let [one, other] = tables;
        let mut watches = watches.into_iter();
        let (watch_one, watch_other) = (watches.next().unwrap(), watches.next().unwrap());
        // Each writes to its table and watches the other's.
        for (mut table, watch, begins) in [(one, watch_other, true), (other, watch_one, false)] {
            let send = send.clone();
            scope.spawn(move || {
                if begins {
                    table.load(1, 1).unwrap();
                }
                for change in watch {
                    let change = change.unwrap();
                    if change.addr != 1 || change.state == 0 {
                        continue;
                    }
                    if change.state >= 1000 {
                        break;
                    }
                    table.load(1, change.state + 1).unwrap();
                }
                send.send(table.read(1).unwrap()).unwrap();
            });
        }
    });
    let mut last = [done.recv().unwrap(), done.recv().unwrap()];
    last.sort_unstable();
    assert_eq!(last, [999, 1000]);
}
