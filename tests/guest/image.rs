// SPDX-License-Identifier: MIT OR Apache-2.0

//! SNAPSHOT and RESTORE: many contexts as they are at one moment.

use atomik_test_support::{
    fdinfo,
    memory::{Pages, page_size},
    raw::{Context, RawFile, accum, image, load, open_device, open_device_with, read, swap},
};
use atomik_uapi::{self as uapi, MAX_CONTEXTS};
use nix::{errno::Errno, fcntl::OFlag, sys::mman::ProtFlags};
use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    thread,
};

fn context(reference: u64, accumulator: u64) -> Context {
    Context {
        reference,
        accumulator,
    }
}

/// A file with a table of 4 contexts, all of them with something in both words.
fn file_with_table() -> (RawFile, u32, [Context; 4]) {
    let file = open_device();
    let table = file.create(4).unwrap();
    let contexts = [0, 1, 2, 3].map(|addr| context(10 + addr, 100 + addr));
    for (addr, context) in (0..).zip(&contexts) {
        file.load(table, addr, context.reference).unwrap();
        file.accum(table, addr, context.accumulator).unwrap();
    }
    (file, table, contexts)
}

#[test]
fn an_image_has_references_and_accumulators() {
    let (file, table, contexts) = file_with_table();
    assert_eq!(file.snapshot(table, 0, 4).unwrap(), contexts);
    assert_eq!(file.snapshot(table, 1, 2).unwrap(), contexts[1..3]);
    assert_eq!(file.snapshot(table, 3, 1).unwrap(), contexts[3..]);
    // Taking it has changed nothing.
    assert_eq!(file.snapshot(table, 0, 4).unwrap(), contexts);
    assert_eq!(file.swap(table, 2, 0), Ok(12 ^ 102));
    assert_eq!(file.snapshot(table, 2, 1).unwrap(), [context(12 ^ 102, 0)]);
}

#[test]
fn restore_sets_both_words_of_the_named_contexts() {
    let (file, table, contexts) = file_with_table();
    let new = [context(u64::MAX, 1), context(0, 7)];
    file.restore(table, 1, &new).unwrap();
    let expected = [contexts[0], new[0], new[1], contexts[3]];
    assert_eq!(file.snapshot(table, 0, 4).unwrap(), expected);
    assert_eq!(file.read(table, 1), Ok(u64::MAX ^ 1));
    file.restore(table, 0, &contexts).unwrap();
    assert_eq!(file.snapshot(table, 0, 4).unwrap(), contexts);
}

#[test]
fn the_largest_table_at_once() {
    let file = open_device();
    let table = file.create(MAX_CONTEXTS).unwrap();
    let contexts: Vec<Context> = (0..u64::from(MAX_CONTEXTS))
        .map(|n| context(n.wrapping_mul(0x9E37_79B9_7F4A_7C15), n))
        .collect();
    file.restore(table, 0, &contexts).unwrap();
    assert_eq!(file.snapshot(table, 0, MAX_CONTEXTS).unwrap(), contexts);
    assert_eq!(fdinfo::read(&file).ops, 2 * u64::from(MAX_CONTEXTS));
}

#[test]
fn einval_for_what_is_out_of_range() {
    let (file, table, contexts) = file_with_table();
    let mut memory = [context(1, 1); 8];
    let at = memory.as_mut_ptr() as u64;
    for command in [uapi::IOC_SNAPSHOT, uapi::IOC_RESTORE] {
        for (addr, count) in [
            (0, 0),
            (0, 5),
            (4, 1),
            (3, 2),
            (u32::MAX, 1),
            (u32::MAX, 2),
            (1, u32::MAX),
            (0, MAX_CONTEXTS),
        ] {
            // RESTORE reads first: as much as there is.
            let count = if command == uapi::IOC_RESTORE && count == MAX_CONTEXTS {
                8
            } else {
                count
            };
            let result = file.image(command, image(table, addr, count, at));
            assert_eq!(result, Err(Errno::EINVAL), "{command:#x} {addr} {count}");
        }
        for count in [MAX_CONTEXTS + 1, u32::MAX] {
            let result = file.image(command, image(table, 0, count, at));
            assert_eq!(result, Err(Errno::EINVAL));
        }
        for reserved in [1, 1 << 31] {
            let arg = uapi::Image {
                reserved,
                ..image(table, 0, 4, at)
            };
            assert_eq!(file.image(command, arg), Err(Errno::EINVAL));
        }
    }
    assert_eq!(memory, [context(1, 1); 8]);
    assert_eq!(file.snapshot(table, 0, 4).unwrap(), contexts);
}

#[test]
fn enoent_and_ebadf() {
    let (file, table, contexts) = file_with_table();
    for id in [0, table + 1, table + 256, u32::MAX] {
        assert_eq!(file.snapshot(id, 0, 4), Err(Errno::ENOENT));
        assert_eq!(file.restore(id, 0, &contexts), Err(Errno::ENOENT));
    }
    // Commands that only read need no file opened for writing. This file has no tables, so the
    // errors differ.
    let file = open_device_with(OFlag::O_RDONLY).unwrap();
    assert_eq!(file.snapshot(1, 0, 4), Err(Errno::ENOENT));
    assert_eq!(file.restore(1, 0, &contexts), Err(Errno::EBADF));
}

#[test]
fn efault_changes_nothing_and_counts_nothing() {
    let (file, table, contexts) = file_with_table();
    let ops = fdinfo::read(&file).ops;
    let pages = Pages::new(2);
    pages.put(0, &vec![context(7, 7); 2 * page_size() / 16]);
    pages.protect(1, ProtFlags::PROT_NONE);
    // No memory at all, and memory that ends before the last entry.
    for at in [
        0,
        1 << 63,
        u64::MAX,
        pages.at(page_size() - 48).addr() as u64,
    ] {
        for command in [uapi::IOC_SNAPSHOT, uapi::IOC_RESTORE] {
            let result = file.image(command, image(table, 0, 4, at));
            assert_eq!(result, Err(Errno::EFAULT), "{command:#x} {at:#x}");
        }
    }
    // Read-only memory will do for RESTORE alone.
    pages.protect(0, ProtFlags::PROT_READ);
    let at = pages.at(0).addr() as u64;
    let snapshot = file.image(uapi::IOC_SNAPSHOT, image(table, 0, 1, at));
    assert_eq!(snapshot, Err(Errno::EFAULT));
    assert_eq!(fdinfo::read(&file).ops, ops);
    assert_eq!(file.snapshot(table, 0, 4).unwrap(), contexts);
    let restore = file.image(uapi::IOC_RESTORE, image(table, 0, 1, at));
    assert_eq!(restore, Ok(()));
    assert_eq!(file.snapshot(table, 0, 1).unwrap(), [context(7, 7)]);
}

/// An image goes to pages that are not there yet, and comes from them.
#[test]
fn memory_that_was_never_touched() {
    let (file, table, contexts) = file_with_table();
    let pages = Pages::new(1);
    let at = pages.at(page_size() - 64).addr() as u64;
    file.image(uapi::IOC_SNAPSHOT, image(table, 0, 4, at))
        .unwrap();
    assert_eq!(pages.word(page_size() - 64), contexts[0].reference);
    assert_eq!(pages.word(page_size() - 8), contexts[3].accumulator);
    let zeroes = Pages::new(1);
    let at = zeroes.at(page_size() - 32).addr() as u64;
    file.image(uapi::IOC_RESTORE, image(table, 0, 2, at))
        .unwrap();
    let expected = [context(0, 0), context(0, 0), contexts[2], contexts[3]];
    assert_eq!(file.snapshot(table, 0, 4).unwrap(), expected);
}

/// Calls `body` while another thread calls `other` again and again.
fn beside(other: impl Fn() + Sync, body: impl FnOnce()) {
    let done = AtomicBool::new(false);
    /// Ends the other thread also when the body panics.
    struct Done<'a>(&'a AtomicBool);
    impl Drop for Done<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                other();
            }
        });
        let _done = Done(&done);
        body();
    });
}

/// Batches keep the XOR of all states at 0, and all references equal: each image shows that.
#[test]
fn a_snapshot_sees_each_batch_whole() {
    const CONTEXTS: u32 = 256;
    let file = open_device();
    let table = file.create(CONTEXTS).unwrap();
    let change = || {
        for value in 1..4 {
            let mut ops = vec![];
            for addr in 0..CONTEXTS {
                ops.extend([load(addr, value), accum(addr, value << 8)]);
            }
            file.batch(table, &mut ops).unwrap();
            file.batch(table, &mut [accum(0, value), accum(CONTEXTS - 1, value)])
                .unwrap();
        }
    };
    beside(change, || {
        let mut seen = BTreeSet::new();
        let mut images = 0;
        // Until the batches have had their turns, too.
        while images < 500 || seen.len() < 3 {
            images += 1;
            let contexts = file.snapshot(table, 0, CONTEXTS).unwrap();
            let sum = (contexts.iter()).fold(0, |sum, c| sum ^ c.reference ^ c.accumulator);
            assert_eq!(sum, 0);
            let reference = contexts[0].reference;
            assert!(contexts.iter().all(|c| c.reference == reference));
            seen.insert(reference);
        }
    });
}

/// A batch that reads all contexts finds one image or the other.
#[test]
fn a_restore_is_seen_whole() {
    const CONTEXTS: u32 = 256;
    let file = open_device();
    let table = file.create(CONTEXTS).unwrap();
    let images = [3, 5].map(|n| vec![context(n, n << 8); CONTEXTS as usize]);
    file.restore(table, 0, &images[0]).unwrap();
    let restore = || {
        for image in &images {
            file.restore(table, 0, image).unwrap();
        }
    };
    beside(restore, || {
        let mut seen = BTreeSet::new();
        let mut batches = 0;
        // Until both images have been seen, too.
        while batches < 500 || seen.len() < 2 {
            batches += 1;
            let mut ops: Vec<_> = (0..CONTEXTS).map(read).collect();
            file.batch(table, &mut ops).unwrap();
            assert!(ops.iter().all(|op| op.value == ops[0].value));
            seen.insert(ops[0].value);
        }
    });
}

/// No delta that comes while images are taken is lost or counted twice.
#[test]
fn single_operations_go_on() {
    let file = open_device();
    let table = file.create(64).unwrap();
    let rounds = AtomicU64::new(0);
    let change = || {
        rounds.fetch_add(1, Ordering::Relaxed);
        for addr in 0..64 {
            file.accum(table, addr, 1 << addr).unwrap();
        }
        file.batch(table, &mut [swap(0), read(1)]).unwrap();
    };
    beside(change, || {
        for _ in 0..500 {
            let contexts = file.snapshot(table, 0, 64).unwrap();
            for (addr, context) in contexts.iter().enumerate() {
                let state = context.reference ^ context.accumulator;
                assert!(state == 0 || state == 1 << addr, "{addr}: {state:#x}");
            }
        }
    });
    let rounds = rounds.into_inner();
    let last = file.snapshot(table, 0, 64).unwrap();
    for (addr, context) in last.iter().enumerate() {
        let expected = (rounds % 2) << addr;
        assert_eq!(context.reference ^ context.accumulator, expected);
    }
}

/// The table may be destroyed meanwhile.
#[test]
fn destroying_races() {
    let file = open_device();
    let table = AtomicU32::new(file.create(512).unwrap());
    let images = || {
        let id = table.load(Ordering::Relaxed);
        match file.snapshot(id, 0, 512) {
            Ok(contexts) => {
                assert!(contexts.iter().all(|c| *c == contexts[0]));
                match file.restore(id, 0, &contexts) {
                    Ok(()) | Err(Errno::ENOENT) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            Err(Errno::ENOENT) => {}
            Err(error) => panic!("{error}"),
        }
    };
    beside(images, || {
        for _ in 0..500 {
            file.destroy(table.load(Ordering::Relaxed)).unwrap();
            table.store(file.create(512).unwrap(), Ordering::Relaxed);
        }
    });
}
