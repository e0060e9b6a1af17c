// SPDX-License-Identifier: MIT OR Apache-2.0

//! BATCH: order, results, and memory of its entries.

use atomik_test_support::{
    memory::{Pages, page_size},
    raw::{accum, load, open_device, read, swap},
};
use atomik_uapi::BatchOp;
use nix::{errno::Errno, sys::mman::ProtFlags};

#[test]
fn entries_apply_in_order() {
    let file = open_device();
    let table = file.create(2).unwrap();
    let mut ops = [
        load(0, 1000),
        accum(0, 50),
        read(0),
        swap(0),
        accum(0, 1),
        read(0),
        read(1),
        load(1, 9),
        swap(1),
    ];
    file.batch(table, &mut ops).unwrap();
    assert_eq!(
        ops.map(|op| op.value),
        [1000, 50, 986, 986, 1, 987, 0, 9, 9]
    );
    assert_eq!(file.states(table, 2), [987, 9]);
}

#[test]
fn only_values_of_results_are_written() {
    let file = open_device();
    let table = file.create(3).unwrap();
    let before = [load(0, 5), accum(1, 6), read(0), swap(1), accum(2, 7)];
    let mut after = before;
    file.batch(table, &mut after).unwrap();
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before.opcode, after.opcode);
        assert_eq!(before.reserved, after.reserved);
        assert_eq!(before.addr, after.addr);
    }
    assert_eq!(after.map(|op| op.value), [5, 6, 5, 6, 7]);
}

#[test]
fn of_every_length() {
    let file = open_device();
    let table = file.create(64).unwrap();
    for len in [1, 2, 15, 16, 17, 255, 256, 257, 4095, 4096] {
        let mut ops: Vec<BatchOp> = (0..len)
            .map(|i| match i % 4 {
                0 => load(i % 64, u64::from(i)),
                1 => accum(i % 64, u64::from(i)),
                2 => read(i % 64),
                _ => swap(i % 64),
            })
            .collect();
        let mut states = file.states(table, 64);
        file.batch(table, &mut ops).unwrap();
        for (i, op) in (0..len).zip(&ops) {
            let state = &mut states[i as usize % 64];
            match i % 4 {
                0 => *state = u64::from(i),
                1 => *state ^= u64::from(i),
                _ => assert_eq!(op.value, *state, "entry {i} of {len}"),
            }
        }
        assert_eq!(file.states(table, 64), states);
    }
}

/// The driver writes few results in another way than many.
#[test]
fn reads_alone_of_every_length() {
    let file = open_device();
    let table = file.create(64).unwrap();
    for addr in 0..64 {
        file.load(table, addr, (u64::from(addr) << 40) | 1).unwrap();
    }
    for len in [1, 2, 5, 6, 15, 16, 17, 64, 4096] {
        let ops: Vec<BatchOp> = (0..len).map(|i| read(i * 7 % 64)).collect();
        let results = |entry: &dyn Fn(u32) -> BatchOp| {
            for i in 0..len {
                let BatchOp { addr, value, .. } = entry(i);
                assert_eq!(addr, i * 7 % 64, "entry {i} of {len}");
                assert_eq!(value, (u64::from(addr) << 40) | 1, "entry {i} of {len}");
            }
        };
        let mut here = ops.clone();
        file.batch(table, &mut here).unwrap();
        results(&|i| here[i as usize]);
        // Pages that are there only once they are written to.
        let start = page_size() - 5 * size_of::<BatchOp>();
        let pages = Pages::low_of_a_file((start + size_of_val(&*ops)).div_ceil(page_size()));
        pages.put(start, &ops);
        file.batch_at(table, len, pages.at(start) as u64).unwrap();
        results(&|i| pages.entry(start + i as usize * size_of::<BatchOp>()));
    }
}

#[test]
fn without_results_it_may_lie_in_read_only_memory() {
    let file = open_device();
    let table = file.create(2).unwrap();
    let pages = Pages::new(1);
    pages.put(0, &[load(0, 5), accum(0, 1), accum(1, 3)]);
    pages.protect(0, ProtFlags::PROT_READ);
    file.batch_at(table, 3, pages.at(0) as u64).unwrap();
    assert_eq!(file.states(table, 2), [4, 3]);
}

#[test]
fn read_only_pages_with_no_result_in_them_do_no_harm() {
    let file = open_device();
    let table = file.create(2).unwrap();
    let pages = Pages::new(2);
    let start = page_size() - 2 * size_of::<BatchOp>();
    pages.put(start, &[load(0, 5), accum(0, 1), read(0), swap(0)]);
    pages.protect(0, ProtFlags::PROT_READ);
    file.batch_at(table, 4, pages.at(start) as u64).unwrap();
    assert_eq!(pages.entry(page_size()).value, 4);
    assert_eq!(pages.entry(page_size() + 16).value, 4);
}

#[test]
fn an_entry_may_straddle_pages_and_be_unaligned() {
    let file = open_device();
    let table = file.create(2).unwrap();
    let pages = Pages::new(2);
    for offset in page_size() - 31..page_size() {
        pages.put(offset, &[load(1, offset as u64), read(1)]);
        file.batch_at(table, 2, pages.at(offset) as u64).unwrap();
        assert_eq!(pages.entry(offset + 16).value, offset as u64);
    }
}

#[test]
fn efault_for_entries_that_are_not_there() {
    let file = open_device();
    let table = file.create(2).unwrap();
    let pages = Pages::new(2);
    pages.protect(1, ProtFlags::PROT_NONE);
    let start = page_size() - 2 * size_of::<BatchOp>();
    pages.put(start, &[load(0, 5), accum(1, 1)]);
    let at = pages.at(start) as u64;
    assert_eq!(file.batch_at(table, 3, at), Err(Errno::EFAULT));
    assert_eq!(file.batch_at(table, 4096, at), Err(Errno::EFAULT));
    assert_eq!(file.batch_at(table, 2, at + 1), Err(Errno::EFAULT));
    for nowhere in [
        0,
        1 << 63,
        u64::MAX,
        u64::MAX - 15,
        pages.at(page_size()) as u64,
    ] {
        assert_eq!(file.batch_at(table, 1, nowhere), Err(Errno::EFAULT));
    }
    assert_eq!(file.states(table, 2), [0, 0]);
    file.batch_at(table, 2, at).unwrap();
    assert_eq!(file.states(table, 2), [5, 1]);
}
