// SPDX-License-Identifier: MIT OR Apache-2.0

//! Descriptors of one table, with rights of their own.

use atomik_test_support::{
    mapping::{Mapping, READ_WRITE},
    raw::{RawFile, accum, expect, load, open_device, open_device_with, read, set, swap},
    task,
};
use atomik_uapi::{self as uapi, Command, EXPORT_READ_ONLY};
use nix::{
    errno::Errno,
    fcntl::{FcntlArg, FdFlag, OFlag, fcntl, open},
    sys::{
        mman::{MapFlags, ProtFlags},
        stat::Mode,
    },
    unistd,
};
use std::os::fd::{AsFd, AsRawFd};

/// A table of 600 contexts, of which the first has state 5, with a second table beside it.
fn table() -> (RawFile, u32, u32) {
    let file = open_device();
    let (table, other) = (file.create(600).unwrap(), file.create(1).unwrap());
    file.load(table, 0, 5).unwrap();
    (file, table, other)
}

#[test]
fn with_all_rights_it_serves_the_contexts() {
    let (file, table, other) = table();
    let export = file.export(table, 0).unwrap();
    export.accum(table, 0, 1).unwrap();
    assert_eq!(file.read(table, 0), Ok(4));
    export.load(table, 1, 7).unwrap();
    assert_eq!(export.swap(table, 1, 0), Ok(7));
    export.batch(table, &mut [expect(0, 4), set(0, 9)]).unwrap();
    let image = export.snapshot(table, 0, 2).unwrap();
    export.restore(table, 2, &image).unwrap();
    assert_eq!(file.states(table, 4), [9, 7, 9, 7]);
    Mapping::new(&export, table, 2).unwrap().accum(0, 1);
    assert_eq!(export.read(table, 0), Ok(8));
    assert!(export.info().unwrap().ops_total > 0);

    // It neither makes nor destroys tables, and knows of no other.
    assert_eq!(export.create(1).err(), Some(Errno::EBADF));
    assert_eq!(export.destroy(table), Err(Errno::EBADF));
    assert_eq!(export.export(table, 0).err(), Some(Errno::EBADF));
    assert_eq!(export.read(other, 0), Err(Errno::ENOENT));
    assert_eq!(Mapping::new(&export, other, 1).err(), Some(Errno::ENOENT));
    assert_eq!(file.read(table, 0), Ok(8));
}

#[test]
fn read_only_it_serves_what_changes_nothing() {
    let (file, table, _) = table();
    let export = file.export(table, EXPORT_READ_ONLY).unwrap();
    assert_eq!(export.read(table, 0), Ok(5));
    assert_eq!(export.snapshot(table, 0, 1).unwrap()[0].reference, 5);
    assert!(export.info().is_ok());
    for count in [1, 2, 6, 16, 17, 500] {
        let mut ops = vec![read(0); count];
        export.batch(table, &mut ops).unwrap();
        assert!(ops.iter().all(|op| op.value == 5));
        let mut ops = vec![expect(0, 5); count];
        export.batch(table, &mut ops).unwrap();
        ops[count - 1].value = 6;
        assert_eq!(export.batch(table, &mut ops), Err(Errno::ECANCELED));
        assert_eq!(ops[count - 1].value, 5);
    }
    let mapping = Mapping::with(
        &export,
        table,
        0,
        2,
        ProtFlags::PROT_READ,
        MapFlags::MAP_SHARED,
    )
    .unwrap();
    assert_eq!(mapping.read(0), 5);
}

#[test]
fn read_only_it_can_not_change_anything() {
    let (file, table, other) = table();
    let before = file.snapshot(table, 0, 600).unwrap();
    let export = file.export(table, EXPORT_READ_ONLY).unwrap();
    // Each command that is served, with an argument that would do something.
    assert_eq!(export.create(1).err(), Some(Errno::EBADF));
    assert_eq!(export.destroy(table), Err(Errno::EBADF));
    assert_eq!(export.load(table, 0, 1), Err(Errno::EBADF));
    assert_eq!(export.accum(table, 0, 1), Err(Errno::EBADF));
    assert_eq!(export.swap(table, 0, 1), Err(Errno::EBADF));
    assert_eq!(export.restore(table, 1, &before[..1]), Err(Errno::EBADF));
    assert_eq!(export.export(table, 0).err(), Some(Errno::EBADF));
    for op in [load(0, 1), accum(0, 1), swap(0), set(0, 1), accum(0, 0)] {
        for others in [
            vec![],
            vec![read(0)],
            vec![expect(0, 5)],
            vec![read(0); 100],
        ] {
            let mut ops = others.clone();
            ops.push(op);
            assert_eq!(export.batch(table, &mut ops), Err(Errno::EBADF));
        }
    }
    let changes = |command: &&Command| {
        ![
            uapi::IOC_READ,
            uapi::IOC_GET_INFO,
            uapi::IOC_SNAPSHOT,
            uapi::IOC_BATCH,
        ]
        .contains(&command.ioc)
    };
    for command in Command::all_served().filter(changes) {
        let mut arg = [0u64; 8];
        let result = export.ioctl(command.ioc, &mut arg);
        assert_eq!(result, Err(Errno::EBADF), "{}", command.name);
    }
    assert_eq!(export.read(other, 0), Err(Errno::ENOENT));

    // Mappings.
    let writing = Mapping::with(&export, table, 0, 1, READ_WRITE, MapFlags::MAP_SHARED);
    assert_eq!(writing.err(), Some(Errno::EACCES));
    let mapping = Mapping::with(
        &export,
        table,
        0,
        1,
        ProtFlags::PROT_READ,
        MapFlags::MAP_SHARED,
    )
    .unwrap();
    assert_eq!(mapping.protect(READ_WRITE), Err(Errno::EACCES));
    assert_eq!(
        mapping.protect(ProtFlags::PROT_READ | ProtFlags::PROT_EXEC),
        Err(Errno::EACCES)
    );

    // Opened again.
    let path = format!("/proc/self/fd/{}", export.as_fd().as_raw_fd());
    for flags in [OFlag::O_RDWR, OFlag::O_WRONLY, OFlag::O_RDONLY] {
        let again = open(path.as_str(), flags, Mode::empty());
        assert_eq!(again.err(), Some(Errno::ENXIO));
    }
    // Its flags don't give the right to write, whatever they are set to.
    fcntl(&export, FcntlArg::F_SETFL(OFlag::O_RDWR | OFlag::O_APPEND)).unwrap();
    assert_eq!(export.accum(table, 0, 1), Err(Errno::EBADF));
    assert_eq!(unistd::write(&export, &[0; 16]), Err(Errno::EBADF));
    assert_eq!(unistd::read(&export, &mut [0; 16]), Err(Errno::EINVAL));
    assert_eq!(unistd::ftruncate(&export, 0), Err(Errno::EINVAL));
    assert_eq!(file.snapshot(table, 0, 600), Ok(before));
}

#[test]
fn bad_arguments() {
    let (file, table, _) = table();
    assert_eq!(file.export(99, 0).err(), Some(Errno::ENOENT));
    let arg = uapi::Export {
        table_id: table,
        ..uapi::Export::default()
    };
    for bad in [
        uapi::Export { flags: 2, ..arg },
        uapi::Export { flags: !0, ..arg },
        uapi::Export { reserved: 1, ..arg },
    ] {
        let mut bad = bad;
        assert_eq!(file.ioctl(uapi::IOC_EXPORT, &mut bad), Err(Errno::EINVAL));
    }
    let nowhere = std::ptr::null_mut();
    assert_eq!(file.ioctl_at(uapi::IOC_EXPORT, nowhere), Err(Errno::EFAULT));
    // A file that isn't open for writing has no table of its own.
    let file = open_device_with(OFlag::O_RDONLY).unwrap();
    assert_eq!(file.export(1, 0).err(), Some(Errno::ENOENT));
}

#[test]
fn it_is_closed_on_exec() {
    let (file, table, _) = table();
    let export = file.export(table, 0).unwrap();
    let flags = fcntl(&export, FcntlArg::F_GETFD).unwrap();
    assert!(FdFlag::from_bits_retain(flags).contains(FdFlag::FD_CLOEXEC));
}

#[test]
fn it_holds_the_table_as_a_duplicate_does() {
    let (file, table, _) = table();
    let export = file.export(table, 0).unwrap();
    drop(file);
    assert_eq!(export.read(table, 0), Ok(5));
    // A forked process shares it.
    task::run(|| export.accum(table, 0, 2).unwrap());
    assert_eq!(export.read(table, 0), Ok(7));
    let duplicate = RawFile(export.0.try_clone().unwrap());
    drop(export);
    assert_eq!(duplicate.read(table, 0), Ok(7));
}

#[test]
fn of_a_destroyed_table_it_knows_nothing() {
    let (file, table, _) = table();
    let export = file.export(table, 0).unwrap();
    file.destroy(table).unwrap();
    // Another table in its place has another id.
    let next = file.create(600).unwrap();
    assert_eq!(export.read(table, 0), Err(Errno::ENOENT));
    assert_eq!(export.read(next, 0), Err(Errno::ENOENT));
    assert_eq!(Mapping::new(&export, next, 1).err(), Some(Errno::ENOENT));
}

#[test]
fn fdinfo_tells_its_rights() {
    let (file, table, _) = table();
    for (flags, rights) in [(0, "read-write"), (EXPORT_READ_ONLY, "read-only")] {
        let export = file.export(table, flags).unwrap();
        let fd = export.as_fd().as_raw_fd();
        let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).unwrap();
        assert!(
            text.contains(&format!("atomik-export:\t{table} {rights}\n")),
            "{text}"
        );
        assert!(
            text.contains(&format!("atomik-table:\t{table} contexts 600\n")),
            "{text}"
        );
        let link = std::fs::read_link(format!("/proc/self/fd/{fd}")).unwrap();
        assert_eq!(link.to_str(), Some("anon_inode:[atomik]"));
    }
}
