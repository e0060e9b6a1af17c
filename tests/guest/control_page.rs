// SPDX-License-Identifier: MIT OR Apache-2.0

//! The control page of a table: how it is mapped, and when its sequence moves.

use atomik_test_support::{
    fdinfo,
    mapping::{Mapping, READ_WRITE, page_of_control, pages_of_span},
    memory::{Pages, page_size},
    raw::{
        Context, RawFile, accum, expect, image, load, open_device, open_device_with, read, set,
        swap,
    },
    task,
};
use atomik_uapi::{CONTROL_VERSION, Control, EXPORT_READ_ONLY, IOC_GET_INFO, IOC_SNAPSHOT};
use nix::{
    errno::Errno,
    fcntl::OFlag,
    sys::mman::{MapFlags, MmapAdvise, ProtFlags},
};
use std::{fs::File, mem::offset_of, os::unix::fs::FileExt};

const READ: ProtFlags = ProtFlags::PROT_READ;
const SHARED: MapFlags = MapFlags::MAP_SHARED;

/// The number of the word that holds the sequence.
const SEQUENCE: u32 = (offset_of!(Control, sequence) / size_of::<u64>()) as u32;

/// Calls `f`, and returns by how much the sequence has grown.
fn growth(control: &Mapping, f: impl FnOnce()) -> u64 {
    let before = control.read(SEQUENCE);
    assert_eq!(before % 2, 0);
    f();
    control.read(SEQUENCE) - before
}

/// The error of a mapping with these arguments.
fn refused(file: &RawFile, table: u32, first: usize, pages: usize, rights: ProtFlags) -> Errno {
    match Mapping::with(file, table, first, pages, rights, SHARED) {
        Ok(_) => panic!("{pages} pages from {first} on have been mapped"),
        Err(error) => error,
    }
}

#[test]
fn it_describes_its_table() {
    let file = open_device();
    for contexts in [1, 600, 65536] {
        let table = file.create(contexts).unwrap();
        // In either order.
        let states = (contexts == 600).then(|| Mapping::new(&file, table, 1).unwrap());
        let control = Mapping::control(&file, table).unwrap();
        let words = control.states().iter().map(|word| word.as_ptr());
        // SAFETY: the words are mapped, and nobody writes to them now.
        let words: Vec<u64> = words.map(|word| unsafe { word.read() }).collect();
        let head = (u64::from(contexts) << 32) | u64::from(CONTROL_VERSION);
        let expected = [[head.to_le(), 0].as_slice(), &vec![0; page_size() / 8 - 2]].concat();
        assert_eq!(words, expected);
        drop(states);
        file.destroy(table).unwrap();
    }
}

#[test]
fn the_sequence_grows_by_2_where_states_change_as_one() {
    let file = open_device();
    let table = file.create(600).unwrap();
    let control = Mapping::control(&file, table).unwrap();
    let mapping = Mapping::of(&file, table, 600).unwrap();
    let batch = |ops: &mut [_]| growth(&control, || file.batch(table, ops).unwrap());
    assert_eq!(batch(&mut [load(0, 5)]), 2);
    assert_eq!(batch(&mut [accum(0, 1), accum(599, 1)]), 2);
    assert_eq!(batch(&mut [set(0, 1)]), 2);
    assert_eq!(batch(&mut [expect(0, 1), set(0, 2), read(0)]), 2);
    assert_eq!(batch(&mut [accum(0, 1), swap(0)]), 2);
    // Results to pinned pages, and to none that can be pinned.
    let mut many: Vec<_> = (0..600)
        .flat_map(|addr| [accum(addr, 1), read(addr)])
        .collect();
    assert_eq!(batch(&mut many), 2);
    let image = [Context {
        reference: 1,
        accumulator: 2,
    }; 600];
    let restore = || file.restore(table, 0, &image).unwrap();
    assert_eq!(growth(&control, restore), 2);
    assert_eq!(mapping.read(599), 3);
}

#[test]
fn all_else_leaves_the_sequence_as_it_is() {
    let file = open_device();
    let table = file.create(600).unwrap();
    let control = Mapping::control(&file, table).unwrap();
    let mapping = Mapping::of(&file, table, 600).unwrap();
    let watch = file.watch(table, 0, 600, 0).unwrap();
    let beside = file.create(1).unwrap();
    let grown = growth(&control, || {
        file.batch(table, &mut [read(0)]).unwrap();
        let mut reads: Vec<_> = (0..600).map(read).collect();
        file.batch(table, &mut reads).unwrap();
        file.batch(table, &mut [expect(0, 0), read(1)]).unwrap();
        let canceled = file.batch(table, &mut [set(0, 1), expect(0, 1)]);
        assert_eq!(canceled, Err(Errno::ECANCELED));
        // The reference changes, and no state.
        file.batch(table, &mut [swap(0)]).unwrap();
        assert_eq!(file.batch(table, &mut [set(600, 1)]), Err(Errno::EINVAL));
        let beyond = [Context::default(); 601];
        assert_eq!(file.restore(table, 0, &beyond), Err(Errno::EINVAL));
        file.load(table, 0, 5).unwrap();
        file.accum(table, 0, 1).unwrap();
        file.swap(table, 0, 0).unwrap();
        file.swap(table, 0, 7).unwrap();
        mapping.accum(0, 1);
        file.snapshot(table, 0, 600).unwrap();
        file.touch(table, 0, 600).unwrap();
        watch.read(600).unwrap();
        file.batch(beside, &mut [set(0, 1)]).unwrap();
    });
    assert_eq!(grown, 0);
}

#[test]
fn a_batch_that_fails_leaves_it_even() {
    let file = open_device();
    let table = file.create(4).unwrap();
    file.load(table, 0, 1).unwrap();
    let control = Mapping::control(&file, table).unwrap();
    // Its results have nowhere to go, so it is undone.
    let ops = [load(0, 9), swap(0), read(1)];
    let pages = Pages::new(1);
    pages.put(0, &ops);
    pages.protect(0, READ);
    let at = pages.at(0) as u64;
    let grown = growth(&control, || {
        let failed = file.batch_at(table, ops.len() as u32, at);
        assert_eq!(failed, Err(Errno::EFAULT));
    });
    assert_eq!(grown % 2, 0);
    assert_eq!(file.read(table, 0), Ok(1));
    let grown = growth(&control, || file.batch(table, &mut [set(0, 1)]).unwrap());
    assert_eq!(grown, 2);
}

#[test]
fn it_is_never_written_to() {
    let file = open_device();
    let table = file.create(1).unwrap();
    let before = fdinfo::read(&file);
    let write = ProtFlags::PROT_WRITE;
    for rights in [write, READ_WRITE] {
        for pages in [1, 2] {
            assert_eq!(
                refused(&file, table, page_of_control(), pages, rights),
                Errno::EACCES
            );
        }
    }
    let executable = READ | ProtFlags::PROT_EXEC;
    assert_eq!(
        refused(&file, table, page_of_control(), 1, executable),
        Errno::EINVAL
    );
    assert_eq!(fdinfo::read(&file), before);

    let control = Mapping::control(&file, table).unwrap();
    for rights in [write, READ_WRITE, executable] {
        assert_eq!(control.protect(rights), Err(Errno::EACCES));
    }
    // Neither as memory that the kernel writes to.
    let at = control.states().as_ptr() as u64;
    let memory = File::options().write(true).open("/proc/self/mem").unwrap();
    let error = memory.write_at(&[1; 16], at).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(Errno::EIO as i32));
    let snapshot = file.image(IOC_SNAPSHOT, image(table, 0, 1, at));
    assert_eq!(snapshot, Err(Errno::EFAULT));
    let info = file.ioctl_at(IOC_GET_INFO, control.states().as_ptr().cast_mut().cast());
    assert_eq!(info, Err(Errno::EFAULT));
    assert_eq!(control.read(SEQUENCE), 0);
    // The states are another matter.
    let states = Mapping::with(&file, table, 0, 1, READ, SHARED).unwrap();
    states.protect(READ_WRITE).unwrap();
    states.accum(0, 1);
}

#[test]
fn only_the_page_itself_can_be_mapped() {
    let file = open_device();
    // The largest table: its states end where the control page begins.
    for contexts in [1, 65536] {
        let table = file.create(contexts).unwrap();
        let before = fdinfo::read(&file);
        for (first, pages) in [
            (page_of_control(), 2),
            (page_of_control(), page_of_control()),
            (page_of_control(), page_of_control() + 1),
            (page_of_control() - 1, 2),
            (page_of_control() + 1, 1),
            (pages_of_span() - 1, 1),
            (0, page_of_control() + 1),
            (0, pages_of_span()),
        ] {
            assert_eq!(refused(&file, table, first, pages, READ), Errno::EINVAL);
        }
        let private = Mapping::with(
            &file,
            table,
            page_of_control(),
            1,
            READ,
            MapFlags::MAP_PRIVATE,
        );
        assert_eq!(private.err(), Some(Errno::EINVAL));
        assert_eq!(fdinfo::read(&file), before);
    }
    for id in [0, 3, 257, u32::MAX] {
        assert_eq!(Mapping::control(&file, id).err(), Some(Errno::ENOENT));
    }
    let write_only = open_device_with(OFlag::O_WRONLY).unwrap();
    let table = write_only.create(1).unwrap();
    let refused = Mapping::control(&write_only, table);
    assert_eq!(refused.err(), Some(Errno::EACCES));
}

#[test]
fn exported_descriptors_map_it() {
    let file = open_device();
    let (table, other) = (file.create(1).unwrap(), file.create(1).unwrap());
    for flags in [0, EXPORT_READ_ONLY] {
        let export = file.export(table, flags).unwrap();
        assert_eq!(
            refused(&export, table, page_of_control(), 1, READ_WRITE),
            Errno::EACCES
        );
        assert_eq!(Mapping::control(&export, other).err(), Some(Errno::ENOENT));
        let control = Mapping::control(&export, table).unwrap();
        drop(export);
        assert_eq!(control.protect(READ_WRITE), Err(Errno::EACCES));
        let grown = growth(&control, || file.batch(table, &mut [set(0, 1)]).unwrap());
        assert_eq!(grown, 2);
    }
}

#[test]
fn it_outlives_its_table_and_shows_no_other() {
    let file = open_device();
    let table = file.create(1).unwrap();
    let control = Mapping::control(&file, table).unwrap();
    file.batch(table, &mut [set(0, 1)]).unwrap();
    file.destroy(table).unwrap();
    assert_eq!(Mapping::control(&file, table).err(), Some(Errno::ENOENT));
    // The place of the old one.
    let next = file.create(1).unwrap();
    assert_eq!(next, table + 256);
    let other = Mapping::control(&file, next).unwrap();
    let grown = growth(&control, || file.batch(next, &mut [set(0, 1)]).unwrap());
    assert_eq!(grown, 0);
    drop(file);
    assert_eq!((control.read(SEQUENCE), other.read(SEQUENCE)), (2, 2));
}

#[test]
fn it_comes_back_moves_and_is_shared_with_children() {
    let file = open_device();
    let table = file.create(1).unwrap();
    let mut control = Mapping::control(&file, table).unwrap();
    let change = || file.batch(table, &mut [set(0, 1)]).unwrap();
    assert_eq!(growth(&control, change), 2);
    control.advise(MmapAdvise::MADV_DONTNEED).unwrap();
    assert_eq!(control.read(SEQUENCE), 2);
    control.relocate();
    assert_eq!(growth(&control, change), 2);
    control.advise(MmapAdvise::MADV_DONTNEED).unwrap();
    control.relocate();
    assert_eq!(growth(&control, change), 2);
    assert_eq!(control.protect(READ_WRITE), Err(Errno::EACCES));
    assert_eq!(control.resize(2), Err(Errno::EFAULT));
    task::run(|| {
        assert_eq!(control.read(SEQUENCE), 6);
        change();
        assert_eq!(control.protect(READ_WRITE), Err(Errno::EACCES));
    });
    assert_eq!(control.read(SEQUENCE), 8);
    let flags = SHARED | MapFlags::MAP_POPULATE;
    let populated = Mapping::with(&file, table, page_of_control(), 1, READ, flags).unwrap();
    assert_eq!(populated.read(SEQUENCE), 8);
}
