// SPDX-License-Identifier: MIT OR Apache-2.0

//! Commands that need much memory while there is little. It comes in single pages, which takes more
//! allocations than one piece, and any of them may be the first to fail.

use crate::{
    injection::{FailNth, Injection, Left, Pages},
    subject::{CONTEXTS, Memory, Subject},
};
use atomik_test_support::{
    fdinfo,
    mapping::Mapping,
    raw::{BatchOp, Context, changes, image, load, read, set, swap},
};
use atomik_uapi::{Change, IOC_SNAPSHOT, OP_LOAD, OP_SET, WATCH_NONBLOCK};
use nix::{errno::Errno, unistd};
use std::{
    fs,
    io::{self, Write},
};

/// Bytes between attempts: less than the smallest object that is allocated for a large area.
const STEP: usize = 32;
/// Much more than the bytes allocated beside the pages.
const ENOUGH: u32 = 1 << 20;

/// Tries `call` with single pages and more and more slab memory, until it succeeds; then with fewer
/// pages than it takes. On success, `call` returns the least number of pages that it takes.
fn ends_anywhere(name: &str, mut call: impl FnMut(Left) -> Option<u32>) {
    let attempts = (0..ENOUGH).step_by(STEP).map(|bytes| {
        let left = Left {
            slab: Some(bytes),
            pages: Pages::Single,
        };
        (bytes, call(left))
    });
    let found = attempts
        .zip(0..)
        .find_map(|((bytes, pages), failed)| Some((bytes, pages?, failed)));
    let (bytes, pages, failed) =
        found.unwrap_or_else(|| panic!("{name}: {ENOUGH} bytes are not enough"));
    assert!(failed > 0, "{name} needs no slab memory");
    // Where no large piece is left, single pages are taken.
    let few = (0..pages).filter(|left| left % 7 == 0 || *left < 4 || left + 4 > pages);
    let without = few.map(|left| {
        let all = Left {
            slab: None,
            pages: Pages::Only(left),
        };
        assert_eq!(call(all), None, "{name} with {left} pages");
    });
    let without = without.count();
    // `println!` is silent in a test that passes.
    writeln!(
        io::stdout().lock(),
        "shortages: {name:<24} {failed:>4} of slab memory, \
         of which {bytes} bytes are enough; {without:>4} of pages"
    )
    .expect("write to standard output");
}

/// Pages of memory that is mapped page by page. (The figure in meminfo is not exact.)
fn mapped_pages() -> u32 {
    let text = fs::read_to_string("/proc/vmallocinfo").expect("read vmallocinfo");
    text.split_whitespace()
        .filter_map(|word| word.strip_prefix("pages=")?.parse::<u32>().ok())
        .sum()
}

#[test]
fn create_65536() {
    const COUNT: u32 = 65536;
    let injection = Injection::start();
    let memory = Memory::measure();
    let fail = FailNth::of_this_thread();
    let mut subject = Subject::new();
    // Its place stays.
    let table = subject.file.create(1).unwrap();
    subject.file.destroy(table).unwrap();
    ends_anywhere("create 65536", |left| {
        let (before, mapped) = (fdinfo::read(&subject.file), mapped_pages());
        let created = fail.call_with(&injection, left, || subject.file.create(COUNT));
        let pages = match created {
            Ok(table) => {
                let pages = mapped_pages() - mapped;
                assert!(pages >= COUNT * 8 / 4096, "it came in one piece");
                assert_eq!(subject.file.read(table, 0), Ok(0));
                subject.file.load(table, COUNT - 1, 7).unwrap();
                assert_eq!(subject.file.swap(table, COUNT - 1, 0), Ok(7));
                subject.file.destroy(table).unwrap();
                Some(pages)
            }
            Err(error) => {
                assert_eq!(error, Errno::ENOMEM);
                assert_eq!(fdinfo::read(&subject.file), before);
                None
            }
        };
        subject.check();
        pages
    });
    drop(subject);
    memory.assert_back();
}

#[test]
fn map_65536() {
    const COUNT: u32 = 65536;
    let injection = Injection::start();
    let memory = Memory::measure();
    let fail = FailNth::of_this_thread();
    ends_anywhere("map 65536", |left| {
        let mut subject = Subject::new();
        let table = subject.file.create(COUNT).unwrap();
        subject.file.load(table, COUNT - 1, 7).unwrap();
        let mapped = fail.call_with(&injection, left, || Mapping::new(&subject.file, table, 1));
        match &mapped {
            Ok(mapping) => assert_eq!(mapping.read(0), 0),
            Err(error) => assert_eq!(*error, Errno::ENOMEM),
        }
        assert_eq!(subject.file.read(table, COUNT - 1), Ok(7));
        subject.check();
        // Only the states and the control page.
        mapped.is_ok().then_some(COUNT * 8 / 4096 + 1)
    });
    memory.assert_back();
}

#[test]
fn snapshot_of_4096() {
    const COUNT: u32 = 4096;
    let injection = Injection::start();
    let memory = Memory::measure();
    let fail = FailNth::of_this_thread();
    ends_anywhere("snapshot of 4096", |left| {
        let mut subject = Subject::new();
        let table = subject.file.create(COUNT).unwrap();
        subject.file.load(table, COUNT - 1, 7).unwrap();
        let ops = fdinfo::read(&subject.file).ops;
        // Written to, so that the pages are there.
        let unused = Context {
            reference: 1,
            accumulator: 2,
        };
        let mut contexts = vec![unused; COUNT as usize];
        let arg = image(table, 0, COUNT, contexts.as_mut_ptr() as u64);
        let done = fail.call_with(&injection, left, || subject.file.image(IOC_SNAPSHOT, arg));
        let (served, reference) = match done {
            Ok(()) => (u64::from(COUNT), 7),
            Err(error) => {
                assert_eq!(error, Errno::ENOMEM);
                (0, unused.reference)
            }
        };
        assert_eq!(fdinfo::read(&subject.file).ops - ops, served);
        assert_eq!(contexts[COUNT as usize - 1].reference, reference);
        subject.check();
        // Only the image.
        done.is_ok()
            .then_some(COUNT * size_of::<Context>() as u32 / 4096)
    });
    memory.assert_back();
}

/// Where a read fails, everything is still to be told.
#[test]
fn read_of_4096_changes() {
    const COUNT: u32 = 4096;
    let injection = Injection::start();
    let memory = Memory::measure();
    let fail = FailNth::of_this_thread();
    ends_anywhere("read of 4096 changes", |left| {
        let mut subject = Subject::new();
        let table = subject.file.create(COUNT).unwrap();
        subject.file.load(table, COUNT - 1, 7).unwrap();
        let watch = subject.file.watch(table, 0, COUNT, WATCH_NONBLOCK).unwrap();
        let mut told: Vec<(u32, u64)> = (0..COUNT).map(|addr| (addr, 0)).collect();
        told[COUNT as usize - 1].1 = 7;
        // Written to, so that the pages are there.
        let mut bytes = vec![1; COUNT as usize * size_of::<Change>()];
        let done = fail.call_with(&injection, left, || unistd::read(&watch, &mut bytes));
        match done {
            Ok(count) => {
                assert_eq!(changes(&bytes[..count]), told);
                assert_eq!(watch.read(1), Err(Errno::EAGAIN));
            }
            Err(error) => {
                assert_eq!(error, Errno::ENOMEM);
                assert!(bytes.iter().all(|byte| *byte == 1));
                assert_eq!(watch.read(COUNT as usize), Ok(told));
            }
        }
        subject.check();
        // Only the changes.
        done.is_ok()
            .then_some(COUNT * size_of::<Change>() as u32 / 4096)
    });
    memory.assert_back();
}

#[test]
fn batch_of_4096() {
    const COUNT: u32 = atomik_uapi::MAX_BATCH;
    let injection = Injection::start();
    let memory = Memory::measure();
    let fail = FailNth::of_this_thread();
    let mut round = 0;
    ends_anywhere("batch of 4096", |left| {
        round += 1;
        // A file without memory of earlier calls.
        let mut subject = Subject::new();
        let addr = |i: u32| i % (CONTEXTS - 1);
        let mut ops: Vec<BatchOp> = (0..COUNT)
            .map(|i| match i % 4 {
                0 => load(addr(i), round ^ u64::from(i)),
                1 => set(addr(i), round ^ (u64::from(i) << 32)),
                2 => swap(addr(i)),
                _ => read(addr(i)),
            })
            .collect();
        let sent = ops.clone();
        let before = fdinfo::read(&subject.file).ops;
        let done = fail.call_with(&injection, left, || {
            subject.file.batch(subject.table, &mut ops)
        });
        let served = fdinfo::read(&subject.file).ops - before;
        if done.is_ok() {
            assert_eq!(served, u64::from(COUNT));
            for (sent, told) in sent.iter().zip(&ops) {
                let state = &mut subject.states[sent.addr as usize];
                if matches!(sent.opcode, OP_LOAD | OP_SET) {
                    *state = sent.value;
                } else {
                    assert_eq!(told.value, *state);
                }
            }
        } else {
            assert_eq!(done, Err(Errno::ENOMEM));
            assert_eq!((served, &ops), (0, &sent));
        }
        subject.check();
        // Only the entries.
        done.is_ok()
            .then_some(COUNT * size_of::<BatchOp>() as u32 / 4096)
    });
    memory.assert_back();
}
