// SPDX-License-Identifier: MIT OR Apache-2.0

//! Opening, closing, creating and destroying under faults.

use crate::{
    calls::{self, Entry},
    injection::{FailNth, Injection, Kind, Left},
    subject::{Memory, Subject},
    tally::{Attempt, every_copy, every_fault},
};
use atomik_test_support::{
    fdinfo,
    memory::Pages,
    raw::{open_device, open_device_with},
};
use atomik_uapi::{CreateTable, IOC_CREATE_TABLE, IOC_DESTROY_TABLE};
use nix::{errno::Errno, fcntl::OFlag};

#[test]
fn open_and_close() {
    let injection = Injection::start();
    let (memory, mut subject) = (Memory::measure(), Subject::new());
    let fail = FailNth::of_this_thread();
    for kind in Kind::ALL {
        injection.choose(kind);
        let tally = every_fault(kind, |nth| {
            let (result, injected) = fail.call(nth, || open_device_with(OFlag::O_RDWR));
            subject.check();
            Attempt {
                injected,
                result: result.map(drop),
            }
        })
        .tell("open", &kind.to_string());
        // Pages are needed only where the slab allocator has used up its own.
        assert!(kind == Kind::Page || tally.failed > 0, "{kind}");

        let tally = every_fault(kind, |nth| {
            let file = open_device();
            let table = file.create(1000).unwrap();
            file.load(table, 999, 1).unwrap();
            let (result, injected) = fail.call(nth, || calls::close(file));
            subject.check();
            Attempt { injected, result }
        })
        .tell("close", &kind.to_string());
        assert_eq!(tally.failed, 0, "{kind}: closing can't fail");
    }
    drop(subject);
    memory.assert_back();
}

/// The place of a new table.
#[derive(PartialEq)]
enum Place {
    /// The first of its file.
    First,
    /// A place that another table has left.
    Used,
    New,
}

/// CREATE_TABLE of `contexts`.
fn create(name: &str, contexts: u32, place: Place) {
    let injection = Injection::start();
    let memory = Memory::measure();
    let (fail, arg) = (FailNth::of_this_thread(), Pages::low(1));
    for (variant, (entry, kind)) in (0..).zip(Entry::with_each_kind()) {
        injection.choose(kind);
        let attempt = |nth| {
            let mut subject = Subject::new();
            if place == Place::Used {
                let table = subject.file.create(1).unwrap();
                subject.file.destroy(table).unwrap();
            }
            let first = (place == Place::First).then(open_device);
            let file = first.as_ref().unwrap_or(&subject.file);
            let before = fdinfo::read(file);
            arg.put(
                0,
                &[CreateTable {
                    num_contexts: contexts,
                    table_id: 0,
                }],
            );
            let (result, injected) =
                fail.call(nth, || entry.ioctl(file, IOC_CREATE_TABLE, arg.at(0)));
            let after = fdinfo::read(file);
            if result.is_ok() {
                assert_eq!(after.tables, before.tables + 1);
                assert_eq!(after.each.last().map(|table| table.1), Some(contexts));
            } else {
                assert_eq!((after.tables, &after.each), (before.tables, &before.each));
                // Another goes into the same place.
                let table = file.create(contexts).unwrap();
                assert_eq!(file.read(table, contexts - 1), Ok(0));
                file.destroy(table).unwrap();
            }
            subject.check();
            Attempt { injected, result }
        };
        let tally = match kind {
            Kind::Copy => every_copy(variant, attempt),
            _ => every_fault(kind, attempt),
        };
        let tally = tally.tell(&entry.name(name), &kind.to_string());
        // The argument is copied in, and the id out.
        assert!(kind != Kind::Copy || tally.failed >= 2, "{tally:?}");
    }
    let mut subject = Subject::new();
    let argument = CreateTable {
        num_contexts: 1,
        table_id: 0,
    };
    arg.put(0, &[argument]);
    let result = fail.call_with(&injection, Left::NONE, || {
        Entry::Native.ioctl(&subject.file, IOC_CREATE_TABLE, arg.at(0))
    });
    assert_eq!(result, Err(Errno::ENOMEM));
    assert_eq!(fdinfo::read(&subject.file).tables, 1);
    subject.check();
    drop(subject);
    memory.assert_back();
}

#[test]
fn create_1() {
    create("create 1", 1, Place::New);
}

#[test]
fn create_the_first() {
    create("create the first", 1, Place::First);
}

#[test]
fn create_1_in_a_used_place() {
    create("create 1 in a used place", 1, Place::Used);
}

#[test]
fn create_65536() {
    create("create 65536", 65536, Place::New);
}

#[test]
fn destroy() {
    let injection = Injection::start();
    let (memory, mut subject) = (Memory::measure(), Subject::new());
    let (fail, arg) = (FailNth::of_this_thread(), Pages::low(1));
    for (entry, kind) in Entry::with_each_kind() {
        injection.choose(kind);
        let attempt = |nth| {
            let table = subject.file.create(1000).unwrap();
            subject.file.load(table, 999, 5).unwrap();
            arg.put(0, &[table]);
            let (result, injected) = fail.call(nth, || {
                entry.ioctl(&subject.file, IOC_DESTROY_TABLE, arg.at(0))
            });
            if result.is_err() {
                assert_eq!(subject.file.read(table, 999), Ok(5));
                subject.file.destroy(table).unwrap();
            }
            assert_eq!(fdinfo::read(&subject.file).tables, 1);
            subject.check();
            Attempt { injected, result }
        };
        let tally = match kind {
            Kind::Copy => every_copy(0, attempt),
            _ => every_fault(kind, attempt),
        };
        let tally = tally.tell(&entry.name("destroy"), &kind.to_string());
        assert_eq!(tally.failed, u32::from(kind == Kind::Copy));
    }
    drop(subject);
    memory.assert_back();
}
