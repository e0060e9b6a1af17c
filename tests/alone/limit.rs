// SPDX-License-Identifier: MIT OR Apache-2.0

//! The module's own limit on the memory of all tables.

use crate::{alone, reloaded::Reloaded};
use atomik_test_support::{
    driver, fdinfo,
    mapping::{Mapping, in_page},
    memory::page_size,
    raw::{RawFile, accum, open_device},
};
use atomik_uapi::WATCH_NONBLOCK;
use nix::errno::Errno;
use std::fs;

/// Creates tables of `contexts` until that fails.
fn create_all(file: &RawFile, contexts: u32) -> (Vec<u32>, Errno) {
    let mut tables = Vec::new();
    loop {
        match file.create(contexts) {
            Ok(table) => tables.push(table),
            Err(error) => return (tables, error),
        }
    }
}

#[test]
fn holds_over_all_files() {
    let _alone = alone();
    let _reloaded = Reloaded::with("limit_kib=4096");
    let files: Vec<RawFile> = (0..4).map(|_| open_device()).collect();
    let (first, error) = create_all(&files[0], 65536);
    assert_eq!(error, Errno::ENOMEM);
    // A table of 65536 contexts takes 1 MiB and a little for itself.
    assert_eq!(first.len(), 3);
    for file in &files[1..] {
        assert_eq!(file.create(65536), Err(Errno::ENOMEM));
    }
    // Another file can have the rest.
    let (small, error) = create_all(&files[1], 4096);
    assert_eq!(error, Errno::ENOMEM);
    assert!(small.len() > 10);
    let used: u64 = files.iter().map(|file| fdinfo::read(file).bytes).sum();
    assert!(used <= 4 << 20 && used > 3 << 20, "{used} bytes");
    // Freed memory can be had again by another file.
    files[0].destroy(first[0]).unwrap();
    files[2].create(65536).unwrap_or_else(|_| {
        // The first table's place stays until its file is closed.
        files[1].destroy(small[0]).unwrap();
        files[2].create(65536).unwrap()
    });
    drop(files);
    let file = open_device();
    assert_eq!(create_all(&file, 65536).0.len(), 3);
}

/// So do watches, and what is read from them while it is copied.
#[test]
fn watches_count() {
    let _alone = alone();
    let _reloaded = Reloaded::with("limit_kib=2048");
    let file = open_device();
    let table = file.create(65536).unwrap();
    let watch_all = || {
        let mut watches = Vec::new();
        loop {
            match file.watch(table, 0, 65536, WATCH_NONBLOCK) {
                Ok(watch) => watches.push(watch),
                Err(error) => return (watches, error),
            }
        }
    };
    let (mut watches, error) = watch_all();
    assert_eq!(error, Errno::ENOMEM);
    // Each takes 16 KiB, a bit for each context and some for finding them.
    assert!(watches.len() > 40, "{}", watches.len());
    // What there is to tell takes 1 MiB, which isn't there. It is still to be told then.
    file.accum(table, 9, 1).unwrap();
    for _ in 0..2 {
        assert_eq!(watches[0].read(65536), Err(Errno::ENOMEM));
    }
    let count = watches.len();
    watches.truncate(1);
    assert_eq!(watches[0].read(10).unwrap()[9], (9, 1));
    drop(watches);
    assert_eq!(watch_all().0.len(), count);
}

/// So does each exported descriptor.
#[test]
fn exports_count() {
    let _alone = alone();
    let _reloaded = Reloaded::with("limit_kib=32");
    let file = open_device();
    let table = file.create(1).unwrap();
    let export_all = || {
        let mut exports = Vec::new();
        loop {
            match file.export(table, 0) {
                Ok(export) => exports.push(export),
                Err(error) => return (exports, error),
            }
        }
    };
    let (exports, error) = export_all();
    assert_eq!(error, Errno::ENOMEM);
    assert!(exports.len() > 100, "{}", exports.len());
    // Single operations and small batches are served as before.
    let last = exports.last().unwrap();
    last.accum(table, 0, 1).unwrap();
    last.batch(table, &mut [accum(0, 1); 16]).unwrap();
    let count = exports.len();
    drop(exports);
    assert_eq!(export_all().0.len(), count);
}

/// Copies that calls make count against the limit. Where it is not enough, nothing is changed.
#[test]
fn copies_that_calls_make_count() {
    let _alone = alone();
    let _reloaded = Reloaded::with("limit_kib=4096");
    let file = open_device();
    assert_eq!(fdinfo::read(&file).bytes, 0);
    let large = file.create(65536).unwrap();
    file.load(large, 65535, 7).unwrap();
    let mut many: Vec<_> = (0..4096).map(|addr| accum(addr, 5)).collect();
    let mut few = [accum(0, 1); 16];
    let image = file.snapshot(large, 0, 65536).unwrap();
    file.restore(large, 0, &image).unwrap();
    file.batch(large, &mut many).unwrap();
    // The room for a batch of 4096 entries is kept.
    let with_room = fdinfo::read(&file).bytes;
    file.batch(large, &mut many).unwrap();
    assert_eq!(fdinfo::read(&file).bytes, with_room);

    let other = open_device();
    let other_table = other.create(4096).unwrap();
    // Until there are no 1024 bytes left.
    let mut last = 0;
    for size in [65536, 4096, 256, 64] {
        last = create_all(&file, size).0.last().copied().unwrap_or(last);
    }
    let before = fdinfo::read(&other);
    assert_eq!(file.snapshot(large, 0, 65536).err(), Some(Errno::ENOMEM));
    assert_eq!(file.restore(large, 0, &image), Err(Errno::ENOMEM));
    assert_eq!(file.read(large, 0), Ok(0));
    assert_eq!(other.batch(other_table, &mut many), Err(Errno::ENOMEM));
    assert_eq!(other.read(other_table, 0), Ok(0));
    assert_eq!(open_device().create(1), Err(Errno::ENOMEM));
    // Small batches need none, and a file keeps the room that it has.
    other.batch(other_table, &mut few).unwrap();
    file.batch(large, &mut many).unwrap();
    assert_eq!(fdinfo::read(&other).bytes, before.bytes);
    assert_eq!(file.read(large, 65535), Ok(7));

    file.destroy(last).unwrap();
    drop(file);
    other.batch(other_table, &mut many).unwrap();
    assert_eq!(other.read(other_table, 0), Ok(5));
}

#[test]
fn by_default_is_a_quarter_of_the_memory_at_most() {
    let _alone = alone();
    let memory = fs::read_to_string("/proc/meminfo").unwrap();
    let total = memory.lines().find_map(|line| {
        let total = line.strip_prefix("MemTotal:")?.strip_suffix("kB")?;
        total.trim().parse::<u64>().ok()
    });
    let limit = (total.unwrap() * 1024 / 4).min(1 << 30);
    for parameter in ["", "limit_kib=-1"] {
        let _reloaded = Reloaded::with(parameter);
        let mut used = 0;
        // A file has room for 256 tables of 1 MiB.
        let mut files = Vec::new();
        loop {
            let file = open_device();
            let error = create_all(&file, 65536).1;
            used += fdinfo::read(&file).bytes;
            files.push(file);
            if error == Errno::ENOMEM {
                break;
            }
        }
        assert!(
            used <= limit && used + (2 << 20) > limit,
            "{used} of {limit}"
        );
    }
}

/// A limit of so many pages.
fn limit_of_pages(pages: usize) -> String {
    format!("limit_kib={}", pages * page_size() / 1024)
}

#[test]
fn a_mapping_that_does_not_fit_changes_nothing_and_another_of_a_mapped_table_does() {
    let _alone = alone();
    let _reloaded = Reloaded::with(&limit_of_pages(16));
    let in_page = in_page();
    let file = open_device();
    let table = file.create(in_page).unwrap();
    let mapping = Mapping::new(&file, table, 1).unwrap();
    let unmapped = file.create(in_page).unwrap();
    file.load(unmapped, in_page - 1, 5).unwrap();
    create_all(&file, 1);
    let before = fdinfo::read(&file);
    assert_eq!(Mapping::new(&file, unmapped, 1).err(), Some(Errno::ENOMEM));
    let other = Mapping::new(&file, table, 1).unwrap();
    assert_eq!(fdinfo::read(&file), before);
    other.accum(0, 1);
    assert_eq!(mapping.read(0), 1);
    assert_eq!(file.read(unmapped, in_page - 1), Ok(5));
}

/// The states move to the mapping's pages; half of the table's memory, where they were, is free
/// then. The control page comes on top.
#[test]
fn a_first_mapping_needs_its_pages_and_no_more() {
    let _alone = alone();
    let _reloaded = Reloaded::with(&limit_of_pages(16));
    let in_page = in_page();
    let file = open_device();
    // A table with as much memory as the two pages of a mapping.
    let pages = file.create(in_page).unwrap();
    let table = file.create(in_page).unwrap();
    file.load(table, in_page - 1, 5).unwrap();
    create_all(&file, 1);
    file.destroy(pages).unwrap();
    let before = fdinfo::read(&file).bytes;
    let mapping = Mapping::new(&file, table, 1).unwrap();
    assert_eq!(mapping.read(in_page - 1), 5);
    assert_eq!(fdinfo::read(&file).bytes, before + page_size() as u64);
}

#[test]
fn of_zero_allows_no_table() {
    let _alone = alone();
    let _reloaded = Reloaded::with("limit_kib=0");
    let file = open_device();
    for _ in 0..1000 {
        assert_eq!(file.create(1), Err(Errno::ENOMEM));
    }
    assert_eq!(fdinfo::read(&file).tables, 0);
}

#[test]
fn a_parameter_that_is_no_number_is_refused() {
    let _alone = alone();
    driver::unload().unwrap();
    assert_eq!(driver::load("limit_kib=many"), Err(Errno::EINVAL));
    // A number too large for the parameter.
    assert!(driver::load("limit_kib=18446744073709551615").is_err());
    assert!(!driver::is_there());
    driver::load("limit_kib=9223372036854775807").unwrap();
    open_device().create(65536).unwrap();
    driver::unload().unwrap();
    driver::load("").unwrap();
}
