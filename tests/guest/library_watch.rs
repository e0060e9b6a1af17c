// SPDX-License-Identifier: MIT OR Apache-2.0

//! The crate's watches on the real device.

#[path = "../../userspace-tool/lib/tests/watch/any_table.rs"]
mod any_table;

use any_table::{Table, change, tests, told};
use atomik::{Context, Device, Error, LocalTable, Operation, Rights};
use atomik_test_support::task;
use nix::{
    fcntl::{FcntlArg, OFlag, fcntl},
    sys::{
        resource::{Resource, getrlimit, setrlimit},
        signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, kill, sigaction},
    },
    unistd::{getpid, read},
};
use std::{
    num::NonZeroU64,
    os::fd::AsFd,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

tests!(|contexts| Box::new(Device::open().unwrap().create_table(contexts).unwrap()));

/// A table of 4 contexts on the device, and one in this process.
fn both() -> [Table; 2] {
    [
        Box::new(Device::open().unwrap().create_table(4).unwrap()),
        Box::new(LocalTable::new(4).unwrap()),
    ]
}

#[test]
fn what_only_the_device_has() {
    let device = Device::open().unwrap();
    let table = device.create_table(4).unwrap();
    let mut watch = table.watch(0..4).unwrap();
    watch.read().unwrap();
    table.swap_to(3, NonZeroU64::MIN).unwrap();
    assert_eq!(told(&mut watch).unwrap(), [change(3, 1)]);
    let contexts = [(4, 1), (9, 0)].map(|(reference, accumulator)| Context {
        reference,
        accumulator,
    });
    table.restore(1, &contexts).unwrap();
    assert_eq!(told(&mut watch).unwrap(), [change(1, 5), change(2, 9)]);
    table.snapshot(0..4).unwrap();
    assert_eq!(told(&mut watch), None);
    // Another descriptor of the same file, and one of this table alone.
    let other = device.try_clone().unwrap().table(table.id()).unwrap();
    other.load(0, 2).unwrap();
    let export = table.export(Rights::ReadWrite).unwrap();
    export.only_table().unwrap().load(1, 3).unwrap();
    assert_eq!(told(&mut watch).unwrap(), [change(0, 2), change(1, 3)]);
}

#[test]
fn changes_through_a_mapping_are_told_by_touch() {
    let table = Device::open().unwrap().create_table(2000).unwrap();
    let mut watch = table.watch(0..2000).unwrap();
    watch.read().unwrap();
    let map = table.map().unwrap();
    map.accum(7, 5).unwrap();
    map.accum(1999, 6).unwrap();
    assert_eq!(told(&mut watch), None);
    table.touch(7..9).unwrap();
    assert_eq!(told(&mut watch).unwrap(), [change(7, 5), change(8, 0)]);
    table.touch(1999..2000).unwrap();
    assert_eq!(told(&mut watch).unwrap(), [change(1999, 6)]);
    for (start, end) in [(0, 0), (5, 3), (0, 2001), (2000, 2001)] {
        let error = table.touch(start..end).unwrap_err();
        let right = matches!(error, Error::Range { addr, .. } if addr == start);
        assert!(right, "{error}");
    }
    table.touch(0..2000).unwrap();
    assert_eq!(told(&mut watch).unwrap().len(), 2000);
}

#[test]
fn readers_watch_and_do_not_touch() {
    let table = Device::open().unwrap().create_table(4).unwrap();
    let reader = table.export(Rights::ReadOnly).unwrap();
    let reader = reader.only_table().unwrap();
    let mut watch = reader.watch(2..4).unwrap();
    watch.read().unwrap();
    table.load(3, 1).unwrap();
    assert_eq!(told(&mut watch).unwrap(), [change(3, 1)]);
    let error = reader.touch(0..1).unwrap_err();
    let op = Operation::Touch;
    assert!(matches!(error, Error::ReadOnly { op: o } if o == op));
    assert!(error.hint().unwrap().contains("right to write"));
    table.destroy().unwrap();
    assert_eq!(told(&mut watch).unwrap(), []);
    let error = reader.watch(2..4).unwrap_err();
    assert!(matches!(error, Error::NoSuchTable { .. }), "{error}");
}

/// In a process of its own, as children that other tests fork keep the file open.
#[test]
fn a_watch_does_not_keep_the_file() {
    task::run(|| {
        let table = Device::open().unwrap().create_table(4).unwrap().into_ref();
        let mut watch = table.watch(0..4).unwrap();
        watch.read().unwrap();
        table.load(1, 1).unwrap();
        drop(table);
        assert_eq!(told(&mut watch).unwrap(), [change(1, 1)]);
        assert_eq!(told(&mut watch).unwrap(), []);
        assert!(watch.next().is_none());
    });
}

/// Who has a duplicate may read, and may make the descriptor a blocking one.
#[test]
fn others_may_have_the_descriptor() {
    let table = Device::open().unwrap().create_table(4).unwrap();
    let mut watch = table.watch(0..4).unwrap();
    let duplicate = watch.as_fd().try_clone_to_owned().unwrap();
    let flags = OFlag::from_bits_retain(fcntl(&duplicate, FcntlArg::F_GETFL).unwrap());
    assert!(flags.contains(OFlag::O_NONBLOCK));
    fcntl(&duplicate, FcntlArg::F_SETFL(flags - OFlag::O_NONBLOCK)).unwrap();
    assert_eq!(read(&duplicate, &mut [0; 32]), Ok(32));
    assert_eq!(told(&mut watch).unwrap(), [change(2, 0), change(3, 0)]);
    assert_eq!(told(&mut watch), None);
    let timeout = Duration::from_millis(1);
    assert_eq!(watch.read_timeout(timeout).unwrap(), None);
    drop(watch);
    table.load(1, 1).unwrap();
    assert_eq!(read(&duplicate, &mut [0; 32]), Ok(16));
}

static SIGNALS: AtomicU32 = AtomicU32::new(0);

extern "C" fn count_signal(_: i32) {
    SIGNALS.fetch_add(1, Ordering::SeqCst);
}

/// A wait goes on after the handler of a signal, with a timeout and without.
#[test]
fn signals_do_not_end_a_wait() {
    task::run(|| both().into_iter().for_each(wait_beside_signals));
}

/// To be called in a process of its own, whose signals come to this thread.
fn wait_beside_signals(table: Table) {
    let mut watch = table.watch(0..4).unwrap();
    watch.read().unwrap();
    let action = SigAction::new(
        SigHandler::Handler(count_signal),
        SaFlags::empty(),
        SigSet::empty(),
    );
    // SAFETY: the handler counts.
    unsafe { sigaction(Signal::SIGUSR1, &action) }.unwrap();
    let table = Mutex::new(table);
    for state in 1..=2 {
        thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..20 {
                    signal_the_first_thread_asleep();
                }
                table.lock().unwrap().load(1, state).unwrap();
            });
            let told = match state {
                1 => watch.read().unwrap(),
                _ => (watch.read_timeout(Duration::from_secs(3600)).unwrap()).unwrap(),
            };
            assert_eq!(told, [change(1, state)]);
        });
    }
}

/// Returns when the handler has run.
fn signal_the_first_thread_asleep() {
    let process = getpid();
    let stat = format!("/proc/self/task/{process}/stat");
    while !std::fs::read_to_string(&stat).unwrap().contains(") S ") {
        thread::yield_now();
    }
    let before = SIGNALS.load(Ordering::SeqCst);
    kill(process, Signal::SIGUSR1).unwrap();
    while SIGNALS.load(Ordering::SeqCst) == before {
        thread::yield_now();
    }
}

#[test]
fn no_descriptor_is_left() {
    task::run(|| {
        for table in both() {
            let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
            setrlimit(Resource::RLIMIT_NOFILE, 3, most).unwrap();
            let error = table.watch(0..4).unwrap_err();
            assert!(error.hint().unwrap().contains("ulimit -n"), "{error}");
            assert_eq!(error.to_string().find("WATCH"), Some(0));
            setrlimit(Resource::RLIMIT_NOFILE, most, most).unwrap();
            let mut watch = table.watch(0..4).unwrap();
            assert_eq!(watch.read().unwrap().len(), 4);
        }
    });
}
