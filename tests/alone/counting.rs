// SPDX-License-Identifier: MIT OR Apache-2.0

//! GET_INFO counts every operation served, of all files.

use crate::alone;
use atomik_test_support::{
    memory::Pages,
    raw::{accum, expect, image, load, open_device, read, set, swap},
    rounds::rounds,
    task,
};
use atomik_uapi::{IOC_READ, IOC_SNAPSHOT};
use nix::{errno::Errno, sys::mman::ProtFlags};
use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
};

#[test]
fn ops_total_counts_every_operation() {
    let _alone = alone();
    let file = open_device();
    let total = || file.info().unwrap().ops_total;
    let start = total();
    let table = file.create(4).unwrap();
    assert_eq!(
        total() - start,
        0,
        "making tables is no operation on a context"
    );
    file.load(table, 0, 1).unwrap();
    assert_eq!(total() - start, 1);
    file.accum(table, 0, 1).unwrap();
    assert_eq!(total() - start, 2);
    file.read(table, 0).unwrap();
    assert_eq!(total() - start, 3);
    file.swap(table, 0, 0).unwrap();
    assert_eq!(total() - start, 4);
    file.batch(
        table,
        &mut [load(0, 1), accum(0, 1), read(0), swap(0), read(3)],
    )
    .unwrap();
    assert_eq!(total() - start, 9);
    // Failures are not served.
    file.load(table, 4, 1).unwrap_err();
    file.batch(table, &mut [load(0, 1), read(4)]).unwrap_err();
    file.read(0, 0).unwrap_err();
    file.ioctl_at(IOC_READ, std::ptr::null_mut()).unwrap_err();
    assert_eq!(total() - start, 9);
    file.destroy(table).unwrap();
    assert_eq!(total() - start, 9);
    // Other processes and files count, and the count outlives them.
    task::run(|| {
        let other = open_device();
        let table = other.create(1).unwrap();
        other.accum(table, 0, 1).unwrap();
    });
    assert_eq!(total() - start, 10);
    // The contexts of an image count one by one.
    let table = file.create(8).unwrap();
    let contexts = file.snapshot(table, 1, 5).unwrap();
    assert_eq!(total() - start, 15);
    file.restore(table, 3, &contexts).unwrap();
    assert_eq!(total() - start, 20);
    file.restore(table, 4, &contexts).unwrap_err();
    let nowhere = image(table, 0, 8, 0);
    file.image(IOC_SNAPSHOT, nowhere).unwrap_err();
    assert_eq!(total() - start, 20);
    // Entries whose results can't be written don't count, few or many.
    let pages = Pages::new(1);
    for entries in [[read(1); 20], [swap(1); 20]] {
        pages.protect(0, ProtFlags::PROT_READ | ProtFlags::PROT_WRITE);
        pages.put(0, &entries);
        pages.protect(0, ProtFlags::PROT_READ);
        for len in [1, 3, 16, 20] {
            let failed = file.batch_at(table, len, pages.at(0) as u64);
            assert_eq!(failed, Err(Errno::EFAULT));
        }
    }
    assert_eq!(total() - start, 20);
    assert_eq!(atomik_test_support::fdinfo::read(&file).ops, 19);

    // Conditions that hold are entries as others; a batch where one doesn't hold is not served.
    let mut held = [expect(0, file.read(table, 0).unwrap()), set(0, 7)];
    file.batch(table, &mut held).unwrap();
    assert_eq!(total() - start, 23);
    let mut failed = [expect(0, 8), set(0, 9), read(1)];
    assert_eq!(file.batch(table, &mut failed), Err(Errno::ECANCELED));
    assert_eq!(total() - start, 23);
    // What is served through exported descriptors counts as the file's, also after it is closed.
    let export = file.export(table, 0).unwrap();
    assert_eq!(total() - start, 23);
    export.accum(table, 0, 1).unwrap();
    assert_eq!(atomik_test_support::fdinfo::read(&file).ops, 23);
    drop(file);
    export.read(table, 0).unwrap();
    assert_eq!(export.info().unwrap().ops_total - start, 25);
    drop(export);
    assert_eq!(open_device().info().unwrap().ops_total - start, 25);
}

#[test]
fn no_operation_of_many_threads_is_missed() {
    let _alone = alone();
    let file = open_device();
    let table = file.create(4).unwrap();
    let start = file.info().unwrap().ops_total;
    thread::scope(|scope| {
        for thread in 0..4 {
            let file = &file;
            scope.spawn(move || {
                for _ in 0..1000 {
                    file.accum(table, thread, 1).unwrap();
                    file.batch(table, &mut [accum(0, 1), swap(1)]).unwrap();
                    file.swap(table, 0, 0).unwrap();
                }
            });
        }
    });
    assert_eq!(file.info().unwrap().ops_total - start, 4 * 1000 * 4);
    assert_eq!(atomik_test_support::fdinfo::read(&file).ops, 4 * 1000 * 4);
}

/// Files that come and go while others count lose nothing, and count nothing twice.
#[test]
fn ops_total_while_files_close() {
    let _alone = alone();
    let file = open_device();
    let start = file.info().unwrap().ops_total;
    let done = AtomicBool::new(false);
    let rounds = 20 * rounds() as u64;
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut before = 0;
                while !done.load(Relaxed) {
                    let now = file.info().unwrap().ops_total - start;
                    assert!((before..=2 * rounds).contains(&now), "{now} after {before}");
                    before = now;
                }
            });
        }
        let come_and_go = [(); 2].map(|()| {
            scope.spawn(move || {
                // Two are open most of the time, and the older one goes.
                let mut last = open_device();
                for _ in 0..rounds {
                    let new = open_device();
                    let table = new.create(1).unwrap();
                    new.accum(table, 0, 1).unwrap();
                    last = new;
                }
                drop(last);
            })
        });
        let ended = come_and_go.map(|thread| thread.join());
        done.store(true, Relaxed);
        assert!(ended.iter().all(Result::is_ok));
    });
    assert_eq!(file.info().unwrap().ops_total - start, 2 * rounds);
}
