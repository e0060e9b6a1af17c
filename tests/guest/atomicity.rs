// SPDX-License-Identifier: MIT OR Apache-2.0

//! All or nothing: a batch whose results can't be written changes nothing, and one whose results
//! are hard to write happens once.

use atomik_test_support::{
    memory::{Pages, page_size},
    raw::{RawFile, accum, load, open_device, read, swap},
};
use atomik_uapi::BatchOp;
use nix::{
    errno::Errno,
    fcntl::{OFlag, open},
    sys::{
        mman::{MapFlags, ProtFlags, mmap},
        stat::Mode,
    },
};
use std::{fs, num::NonZeroUsize};

/// States that the contexts have before.
const BEFORE: [u64; 4] = [100, 200, 300, 400];

fn file_with_table() -> (RawFile, u32) {
    let file = open_device();
    let table = file.create(4).unwrap();
    for (addr, state) in (0..).zip(BEFORE) {
        file.load(table, addr, state ^ 7).unwrap();
        file.accum(table, addr, 7).unwrap();
    }
    (file, table)
}

/// A batch with everything that has to be undone, more than once for some contexts.
fn batch() -> Vec<BatchOp> {
    vec![
        load(0, 1),
        accum(0, 2),
        swap(0),
        load(0, 4),
        accum(1, 8),
        load(1, 16),
        read(1),
        swap(2),
        accum(2, 32),
        swap(2),
        load(3, 64),
        load(3, 128),
        read(3),
    ]
}

/// The states after [`batch`], and its results.
const AFTER: [u64; 4] = [4, 16, 300 ^ 32, 128];
const RESULTS: [(usize, u64); 5] = [(2, 3), (6, 16), (7, 300), (9, 300 ^ 32), (12, 128)];

/// Batches that the driver undoes in different ways, with the states they leave and their results.
struct Case {
    ops: Vec<BatchOp>,
    after: [u64; 4],
    /// The entry and its value.
    results: Vec<(usize, u64)>,
}

fn cases() -> [Case; 5] {
    let [a, b, c, d] = BEFORE;
    [
        Case {
            ops: batch(),
            after: AFTER,
            results: RESULTS.to_vec(),
        },
        Case {
            ops: vec![accum(0, 1), read(0)],
            after: [a ^ 1, b, c, d],
            results: vec![(1, a ^ 1)],
        },
        Case {
            ops: vec![swap(1), accum(1, 2), swap(1)],
            after: [a, b ^ 2, c, d],
            results: vec![(0, b), (2, b ^ 2)],
        },
        Case {
            ops: vec![load(2, 3), read(2)],
            after: [a, b, 3, d],
            results: vec![(1, 3)],
        },
        Case {
            ops: vec![read(3), accum(3, 4), accum(3, 8), read(3)],
            after: [a, b, c, d ^ 12],
            results: vec![(0, d), (3, d ^ 12)],
        },
    ]
}

#[test]
fn results_that_cannot_be_written_undo_the_batch() {
    for (number, case) in cases().iter().enumerate() {
        let (file, table) = file_with_table();
        // The boundary between a page that can be written and one that can't goes through each
        // entry.
        for entry in 0..case.ops.len() {
            let pages = Pages::new(2);
            let start = page_size() - entry * size_of::<BatchOp>();
            pages.put(start, &case.ops);
            pages.protect(1, ProtFlags::PROT_READ);
            let result = file.batch_at(table, case.ops.len() as u32, pages.at(start) as u64);
            let what = format!("case {number}, entry {entry}");
            assert_eq!(result, Err(Errno::EFAULT), "{what}");
            assert_eq!(file.states(table, 4), BEFORE, "{what}");
        }
    }
}

#[test]
fn pages_that_are_not_there_yet_are_brought_in() {
    for (number, case) in cases().iter().enumerate() {
        // The kernel can read a private mapping of a file at once, but must copy the page to write
        // it.
        let path = format!("/tmp/atomicity-{}-{number}", std::process::id());
        // SAFETY: the entries are plain data without padding.
        let bytes = unsafe {
            std::slice::from_raw_parts(
                case.ops.as_ptr().cast::<u8>(),
                size_of_val(case.ops.as_slice()),
            )
        };
        fs::write(&path, bytes).unwrap();
        let backing = open(path.as_str(), OFlag::O_RDONLY, Mode::empty()).unwrap();
        fs::remove_file(&path).unwrap();

        let (file, table) = file_with_table();
        let rights = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        let len = NonZeroUsize::new(page_size()).unwrap();
        let private = MapFlags::MAP_PRIVATE;
        // SAFETY: a new mapping, where the kernel chooses.
        let mapped = unsafe { mmap(None, len, rights, private, &backing, 0) }.unwrap();
        file.batch_at(table, case.ops.len() as u32, mapped.as_ptr() as u64)
            .unwrap();
        assert_eq!(file.states(table, 4), case.after, "case {number}");
        for &(entry, value) in &case.results {
            // SAFETY: within the mapping, which the kernel has filled.
            let op = unsafe { mapped.cast::<BatchOp>().add(entry).read() };
            assert_eq!(op.value, value, "case {number}, entry {entry}");
        }
        // SAFETY: nothing refers to the mapping any more.
        unsafe { nix::sys::mman::munmap(mapped, page_size()) }.unwrap();
        // All of it happened once: the failed attempts are undone.
        let ops = 8 + case.ops.len() as u64 + 4;
        assert_eq!(atomik_test_support::fdinfo::read(&file).ops, ops);
    }
}

#[test]
fn the_same_batch_without_trouble() {
    let (file, table) = file_with_table();
    let mut ops = batch();
    file.batch(table, &mut ops).unwrap();
    assert_eq!(file.states(table, 4), AFTER);
    for (entry, value) in RESULTS {
        assert_eq!(ops[entry].value, value, "entry {entry}");
    }
}
