// SPDX-License-Identifier: MIT OR Apache-2.0

//! Mapped tables.

use atomik_test_support::{
    fdinfo,
    mapping::{Mapping, READ_WRITE, in_page, pages_of_span},
    memory::{Pages, page_size},
    raw::{accum, load, open_device, open_device_with, read, swap},
    rounds::steps,
    task,
};
use nix::{
    errno::Errno,
    fcntl::OFlag,
    sys::{
        mman::{MapFlags, MmapAdvise, ProtFlags},
        signal::Signal,
        wait::{WaitStatus, waitpid},
    },
};
use std::{fs::File, os::unix::fs::FileExt, sync::Barrier, thread};

#[test]
fn commands_and_mapping_see_the_same_states() {
    let file = open_device();
    let table = file.create(600).unwrap();
    // States from before the mapping stay.
    file.load(table, 0, 0xff00).unwrap();
    file.accum(table, 599, 7).unwrap();
    let mapping = Mapping::of(&file, table, 600).unwrap();
    assert_eq!((mapping.read(0), mapping.read(599)), (0xff00, 7));

    mapping.accum(0, 0x00ff);
    assert_eq!(file.read(table, 0), Ok(0xffff));
    file.accum(table, 0, 1).unwrap();
    assert_eq!(mapping.read(0), 0xfffe);
    assert_eq!(file.swap(table, 0, 5), Ok(0xfffe));
    assert_eq!(mapping.read(0), 5);
    let mut ops = [accum(0, 2), read(0), load(1, 9), swap(599), accum(599, 1)];
    file.batch(table, &mut ops).unwrap();
    assert_eq!((ops[1].value, ops[3].value), (7, 7));
    assert_eq!(
        (mapping.read(0), mapping.read(1), mapping.read(599)),
        (7, 9, 6)
    );

    // A second mapping is of the same pages.
    let other = Mapping::new(&file, table, 1).unwrap();
    other.accum(1, 1);
    assert_eq!(mapping.read(1), 8);
}

#[test]
fn a_batch_that_fails_leaves_a_mapped_table_as_it_was() {
    let file = open_device();
    let table = file.create(4).unwrap();
    file.load(table, 0, 1).unwrap();
    file.accum(table, 0, 2).unwrap();
    let mapping = Mapping::new(&file, table, 1).unwrap();
    let ops = [load(0, 9), accum(0, 4), swap(0), load(1, 3), read(1)];
    let pages = Pages::new(1);
    pages.put(0, &ops);
    pages.protect(0, ProtFlags::PROT_READ);
    let at = pages.at(0) as u64;
    assert_eq!(
        file.batch_at(table, ops.len() as u32, at),
        Err(Errno::EFAULT)
    );
    assert_eq!((mapping.read(0), mapping.read(1)), (3, 0));
    // The accumulator is still 2: it is undone by the same delta.
    file.accum(table, 0, 2).unwrap();
    assert_eq!(mapping.read(0), 1);
}

#[test]
fn no_delta_gets_lost_between_mappings_commands_and_batches() {
    let rounds = steps(5000);
    let file = open_device();
    let table = file.create(2).unwrap();
    let mapping = Mapping::new(&file, table, 1).unwrap();
    let start = Barrier::new(4);
    // Each thread has 16 bits of its own, of which the lowest ends as it began.
    let delta = |thread: u64, round: u64| (round & 0xffff) << (16 * thread);
    let sum = |thread| (1..=rounds).fold(0, |sum, round| sum ^ delta(thread, round));
    thread::scope(|scope| {
        for number in 0..4 {
            let (file, mapping, start) = (&file, &mapping, &start);
            scope.spawn(move || {
                start.wait();
                for round in 1..=rounds {
                    let delta = delta(number, round);
                    match number {
                        0 | 1 => mapping.accum(0, delta),
                        2 => file.accum(table, 0, delta).unwrap(),
                        _ => {
                            let mut ops = [accum(0, delta), read(1), accum(1, delta), swap(0)];
                            file.batch(table, &mut ops).unwrap();
                        }
                    }
                }
            });
        }
    });
    assert_eq!(mapping.read(0), (0..4).fold(0, |all, n| all ^ sum(n)));
    assert_eq!(mapping.read(1), sum(3));
}

#[test]
fn swaps_are_served_however_often_a_mapping_changes_the_state() {
    let file = open_device();
    let table = file.create(1).unwrap();
    let mapping = Mapping::new(&file, table, 1).unwrap();
    thread::scope(|scope| {
        let swaps = scope.spawn(|| {
            for new in 1..=500 {
                file.swap(table, 0, new << 32).unwrap();
            }
        });
        while !swaps.is_finished() {
            mapping.accum(0, 1);
        }
    });
    assert_eq!(mapping.read(0) >> 32, 500);
}

#[test]
fn only_what_a_table_has_can_be_mapped() {
    let file = open_device();
    let table = file.create(in_page() * 2 + 1).unwrap();
    assert!(Mapping::new(&file, table, 3).is_ok());
    assert_eq!(Mapping::new(&file, table, 4).err(), Some(Errno::EINVAL));
    let part =
        |first, pages| Mapping::with(&file, table, first, pages, READ_WRITE, MapFlags::MAP_SHARED);
    file.load(table, in_page() * 2, 5).unwrap();
    assert_eq!(part(2, 1).unwrap().read(0), 5);
    let last = pages_of_span() - 1;
    for (first, pages) in [(1, 3), (2, 2), (3, 1), (last, 1)] {
        assert_eq!(part(first, pages).err(), Some(Errno::EINVAL));
    }
    for id in [0, table + 1, table + 256, u32::MAX] {
        assert_eq!(Mapping::new(&file, id, 1).err(), Some(Errno::ENOENT));
    }
}

#[test]
fn mappings_of_other_kinds_are_refused() {
    let file = open_device();
    let table = file.create(1).unwrap();
    let with = |protection, flags| Mapping::with(&file, table, 0, 1, protection, flags).err();
    assert_eq!(with(READ_WRITE, MapFlags::MAP_PRIVATE), Some(Errno::EINVAL));
    assert_eq!(
        with(ProtFlags::PROT_READ, MapFlags::MAP_PRIVATE),
        Some(Errno::EINVAL)
    );
    let executable = ProtFlags::PROT_READ | ProtFlags::PROT_EXEC;
    assert_eq!(with(executable, MapFlags::MAP_SHARED), Some(Errno::EINVAL));
    let mapping = Mapping::new(&file, table, 1).unwrap();
    assert_eq!(mapping.protect(executable), Err(Errno::EACCES));

    let read_only = open_device_with(OFlag::O_RDONLY).unwrap();
    assert_eq!(
        Mapping::new(&read_only, table, 1).err(),
        Some(Errno::EACCES)
    );
    // To read it would do, if there could be a table.
    let shared = MapFlags::MAP_SHARED;
    let to_read = Mapping::with(&read_only, table, 0, 1, ProtFlags::PROT_READ, shared);
    assert_eq!(to_read.err(), Some(Errno::ENOENT));
    let write_only = open_device_with(OFlag::O_WRONLY).unwrap();
    let table = write_only.create(1).unwrap();
    assert_eq!(
        Mapping::new(&write_only, table, 1).err(),
        Some(Errno::EACCES)
    );
}

#[test]
fn a_refused_mapping_leaves_the_states_where_they_are() {
    let file = open_device();
    // A table that takes more memory once it is mapped.
    let table = file.create(1).unwrap();
    let before = fdinfo::read(&file);
    let refused = |first, pages, protection, flags| {
        let error = Mapping::with(&file, table, first, pages, protection, flags).err();
        assert_eq!(error, Some(Errno::EINVAL));
        assert_eq!(fdinfo::read(&file), before);
    };
    refused(0, 1, READ_WRITE, MapFlags::MAP_PRIVATE);
    refused(0, 1, ProtFlags::PROT_READ, MapFlags::MAP_PRIVATE);
    let executable = ProtFlags::PROT_READ | ProtFlags::PROT_EXEC;
    refused(0, 1, executable, MapFlags::MAP_SHARED);
    let last = pages_of_span() - 1;
    for (first, pages) in [(0, 2), (1, 1), (last, 1), (last, 2)] {
        refused(first, pages, READ_WRITE, MapFlags::MAP_SHARED);
    }
    let _mapping = Mapping::new(&file, table, 1).unwrap();
    assert!(fdinfo::read(&file).bytes > before.bytes);
}

#[test]
fn pages_come_back_after_advice() {
    let file = open_device();
    let table = file.create(in_page() * 2).unwrap();
    let mapping = Mapping::new(&file, table, 2).unwrap();
    let last = in_page() * 2 - 1;
    let mut state = 0;
    for (advice, answer) in [
        (MmapAdvise::MADV_DONTNEED, Ok(())),
        (MmapAdvise::MADV_COLD, Ok(())),
        (MmapAdvise::MADV_PAGEOUT, Ok(())),
        (MmapAdvise::MADV_WILLNEED, Ok(())),
        (MmapAdvise::MADV_POPULATE_READ, Ok(())),
        (MmapAdvise::MADV_POPULATE_WRITE, Ok(())),
        (MmapAdvise::MADV_DONTDUMP, Ok(())),
        (MmapAdvise::MADV_FREE, Err(Errno::EINVAL)),
        (MmapAdvise::MADV_WIPEONFORK, Err(Errno::EINVAL)),
        (MmapAdvise::MADV_REMOVE, Err(Errno::ENODEV)),
    ] {
        // In the mapping, and in a part of it without pages.
        for gone in [false, true] {
            if gone {
                mapping.advise(MmapAdvise::MADV_DONTNEED).unwrap();
            }
            assert_eq!(mapping.advise(advice), answer, "{advice:?}");
            assert_eq!(mapping.read(last), state, "{advice:?}");
            mapping.accum(last, 1);
            file.accum(table, last, 2).unwrap();
            state ^= 3;
            assert_eq!(file.read(table, last), Ok(state), "{advice:?}");
        }
    }
    // A child inherits them, unless told not to.
    mapping.advise(MmapAdvise::MADV_DONTNEED).unwrap();
    task::run(|| mapping.accum(last, 4));
    assert_eq!(mapping.read(last), state ^ 4);
    mapping.advise(MmapAdvise::MADV_DONTFORK).unwrap();
    let child = task::spawn(|| mapping.accum(last, 8));
    assert!(matches!(
        waitpid(child, None),
        Ok(WaitStatus::Signaled(_, Signal::SIGSEGV, _))
    ));
    assert_eq!(mapping.read(last), state ^ 4);
}

#[test]
fn pages_come_when_they_are_used_or_at_once() {
    let file = open_device();
    let table = file.create(in_page() * 2).unwrap();
    let pages = File::open("/proc/self/pagemap").unwrap();
    let is_there = |mapping: &Mapping, addr| {
        let mut page = [0; 8];
        let number = std::ptr::from_ref(mapping.state(addr)).addr() / page_size();
        pages.read_exact_at(&mut page, number as u64 * 8).unwrap();
        u64::from_ne_bytes(page) >> 63 == 1
    };
    let mapping = Mapping::new(&file, table, 2).unwrap();
    assert_eq!(
        [0, in_page()].map(|addr| is_there(&mapping, addr)),
        [false; 2]
    );
    mapping.accum(in_page(), 1);
    assert_eq!(
        [0, in_page()].map(|addr| is_there(&mapping, addr)),
        [false, true]
    );
    let flags = MapFlags::MAP_SHARED | MapFlags::MAP_POPULATE;
    let populated = Mapping::with(&file, table, 0, 2, READ_WRITE, flags).unwrap();
    assert_eq!(
        [0, in_page()].map(|addr| is_there(&populated, addr)),
        [true; 2]
    );
}

#[test]
fn threads_may_be_the_first_to_use_a_page_at_the_same_time() {
    const THREADS: u64 = 4;
    let file = open_device();
    let table = file.create(in_page()).unwrap();
    let mapping = Mapping::new(&file, table, 1).unwrap();
    let start = Barrier::new(THREADS as usize);
    let rounds = 1..=200;
    thread::scope(|scope| {
        for number in 0..THREADS {
            let (mapping, start, rounds) = (&mapping, &start, rounds.clone());
            scope.spawn(move || {
                for round in rounds {
                    if start.wait().is_leader() {
                        mapping.advise(MmapAdvise::MADV_DONTNEED).unwrap();
                    }
                    mapping.accum(0, round << (16 * number));
                }
            });
        }
    });
    let one = rounds.fold(0, |sum, round| sum ^ round);
    let all = (0..THREADS).fold(0, |all, number| all | (one << (16 * number)));
    assert_eq!(file.read(table, 0), Ok(all));
}

#[test]
fn writing_through_a_read_only_mapping_is_a_fault() {
    let file = open_device();
    let table = file.create(1).unwrap();
    file.load(table, 0, 5).unwrap();
    let mapping = Mapping::with(
        &file,
        table,
        0,
        1,
        ProtFlags::PROT_READ,
        MapFlags::MAP_SHARED,
    )
    .unwrap();
    assert_eq!(mapping.read(0), 5);
    let child = task::spawn(|| mapping.accum(0, 1));
    let WaitStatus::Signaled(_, signal, _) = waitpid(child, None).unwrap() else {
        panic!("the child has written");
    };
    assert_eq!(signal, Signal::SIGSEGV);
    assert_eq!(file.read(table, 0), Ok(5));
    // The file is open for writing, so the protection may be changed.
    mapping.protect(READ_WRITE).unwrap();
    mapping.accum(0, 1);
    assert_eq!(file.read(table, 0), Ok(4));
}

#[test]
fn a_mapping_outlives_its_table_and_shows_no_other() {
    let file = open_device();
    let table = file.create(in_page() * 3).unwrap();
    let mapping = Mapping::new(&file, table, 3).unwrap();
    mapping.accum(5, 6);
    file.destroy(table).unwrap();
    assert_eq!(Mapping::new(&file, table, 1).err(), Some(Errno::ENOENT));
    // The place of the old one.
    let next = file.create(in_page() * 3).unwrap();
    assert_eq!(next, table + 256);
    let other = Mapping::new(&file, next, 3).unwrap();
    mapping.accum(5, 1);
    assert_eq!((mapping.read(5), other.read(5)), (7, 0));
    assert_eq!(file.read(next, 5), Ok(0));
    // The last descriptor.
    drop(file);
    other.accum(5, 9);
    assert_eq!((mapping.read(5), other.read(5)), (7, 9));
}

#[test]
fn a_forked_process_shares_the_mapping() {
    let file = open_device();
    let table = file.create(1).unwrap();
    let mapping = Mapping::new(&file, table, 1).unwrap();
    task::run(|| {
        mapping.accum(0, 3);
        file.accum(table, 0, 4).unwrap();
        assert_eq!(mapping.read(0), 7);
    });
    assert_eq!((mapping.read(0), file.read(table, 0)), (7, Ok(7)));
}

#[test]
fn a_mapping_can_be_split() {
    let file = open_device();
    let table = file.create(in_page() * 4).unwrap();
    let mut mapping = Mapping::new(&file, table, 4).unwrap();
    mapping.truncate(2);
    mapping.protect(ProtFlags::PROT_READ).unwrap();
    file.load(table, in_page(), 5).unwrap();
    drop(file);
    assert_eq!(mapping.read(in_page()), 5);
}

#[test]
fn a_mapping_can_be_moved_and_does_not_grow() {
    let file = open_device();
    let table = file.create(in_page() * 4).unwrap();
    for addr in (0..in_page() * 4).step_by(in_page() as usize) {
        file.load(table, addr, addr.into()).unwrap();
    }
    // Maps from the second page on: one page is used before the move, one after, and one is
    // unmapped.
    let part = Mapping::with(&file, table, 1, 3, READ_WRITE, MapFlags::MAP_SHARED);
    let mut mapping = part.unwrap();
    assert_eq!(mapping.read(0), u64::from(in_page()));
    mapping.relocate();
    assert_eq!(mapping.read(in_page()), u64::from(in_page() * 2));
    mapping.advise(MmapAdvise::MADV_DONTNEED).unwrap();
    mapping.relocate();
    for page in 0..3 {
        assert_eq!(
            mapping.read(in_page() * page),
            u64::from(in_page() * (page + 1))
        );
    }
    // A mapping can't grow: more pages take a mapping of their own.
    assert_eq!(mapping.resize(4), Err(Errno::EFAULT));
    mapping.resize(1).unwrap();
    assert_eq!(mapping.resize(2), Err(Errno::EFAULT));
    drop(file);
    assert_eq!(mapping.read(0), u64::from(in_page()));
}

#[test]
fn fdinfo_counts_the_memory_of_a_mapped_table() {
    let file = open_device();
    let table = file.create(1).unwrap();
    let before = fdinfo::read(&file).bytes;
    // The state moves to a page, and its 8 bytes are freed. The control page comes with it.
    let mapping = Mapping::new(&file, table, 1).unwrap();
    let mapped = fdinfo::read(&file).bytes;
    assert_eq!(mapped, before + 2 * page_size() as u64 - 8);
    drop(mapping);
    assert_eq!(fdinfo::read(&file).bytes, mapped);
    file.destroy(table).unwrap();
    assert!(fdinfo::read(&file).bytes < before);
}
