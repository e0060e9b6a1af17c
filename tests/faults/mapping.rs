// SPDX-License-Identifier: MIT OR Apache-2.0

//! Mapping a table under faults: it works, or the table serves as before.

use crate::{
    injection::{FailNth, Injection, Kind, Left},
    subject::{Memory, Subject},
    tally::{Attempt, every_fault},
};
use atomik_test_support::{fdinfo, mapping::Mapping};
use nix::errno::Errno;

/// Contexts of the table that is mapped, and the pages that their states have.
const COUNT: u32 = 2000;
const PAGES: usize = 4;

/// A table that has never been mapped, with something in its last context.
fn unmapped() -> (Subject, u32) {
    let subject = Subject::new();
    let table = subject.file.create(COUNT).unwrap();
    subject.file.load(table, COUNT - 1, 6).unwrap();
    subject.file.accum(table, COUNT - 1, 1).unwrap();
    (subject, table)
}

#[test]
fn map() {
    let injection = Injection::start();
    let memory = Memory::measure();
    let fail = FailNth::of_this_thread();
    // True where an earlier mapping has given the states pages of their own.
    for (name, again) in [("map", false), ("map again", true)] {
        for kind in Kind::ALL {
            injection.choose(kind);
            let tally = every_fault(kind, |nth| {
                let (mut subject, table) = unmapped();
                if again {
                    drop(Mapping::new(&subject.file, table, 1).unwrap());
                }
                let ops = fdinfo::read(&subject.file).ops;
                let (result, injected) =
                    fail.call(nth, || Mapping::new(&subject.file, table, PAGES));
                assert_eq!(fdinfo::read(&subject.file).ops, ops);
                assert_eq!(subject.file.read(table, COUNT - 1), Ok(7));
                let result = result.map(|mapping| {
                    mapping.accum(COUNT - 1, 2);
                    assert_eq!(subject.file.read(table, COUNT - 1), Ok(5));
                });
                // The next one comes into being.
                let mapping = Mapping::new(&subject.file, table, PAGES).unwrap();
                mapping.accum(0, 3);
                assert_eq!(subject.file.swap(table, 0, 0), Ok(3));
                subject.check();
                Attempt { injected, result }
            })
            .tell(name, &kind.to_string());
            assert!(kind != Kind::Slab || tally.failed > 0, "{tally:?}");
        }
    }
    let (mut subject, table) = unmapped();
    let result = fail.call_with(&injection, Left::NONE, || {
        Mapping::new(&subject.file, table, PAGES)
    });
    assert_eq!(result.err(), Some(Errno::ENOMEM));
    assert_eq!(subject.file.read(table, COUNT - 1), Ok(7));
    subject.check();
    drop(subject);
    memory.assert_back();
}
