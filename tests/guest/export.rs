// SPDX-License-Identifier: MIT OR Apache-2.0

//! Descriptors of one table, with rights of their own.

use atomik_test_support::{
    fdinfo,
    mapping::Mapping,
    memory::Pages,
    passing::pass,
    raw::{RawFile, expect, open_device, open_device_with, read, set},
    rounds::kernel_is_slow,
    task,
};
use atomik_uapi::{self as uapi, EXPORT_READ_ONLY, MAX_TABLES};
use nix::{
    errno::Errno,
    fcntl::{FcntlArg, FdFlag, OFlag, fcntl},
    sys::{
        mman::{MapFlags, ProtFlags},
        resource::{Resource, getrlimit, setrlimit},
        signal::{Signal, kill},
        wait::{WaitStatus, waitpid},
    },
    unistd::{close, pause},
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
    Mapping::of(&export, table, 600).unwrap().accum(0, 1);
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
    // So does who receives it, when all others are closed.
    let passed = RawFile(pass(duplicate.as_fd().as_raw_fd()).unwrap());
    drop(duplicate);
    passed.accum(table, 0, 8).unwrap();
    let mapping = Mapping::new(&passed, table, 1).unwrap();
    drop(passed);
    assert_eq!(mapping.read(0), 15);
}

#[test]
fn exports_are_closed_in_any_order() {
    for first in 0..4 {
        let (file, table, _) = table();
        let mut all = vec![
            file.export(table, 0).unwrap(),
            file.export(table, EXPORT_READ_ONLY).unwrap(),
            file.export(table, 0).unwrap(),
            file,
        ];
        all.remove(first);
        while let Some(last) = all.pop() {
            assert_eq!(last.read(table, 0), Ok(5));
        }
    }
}

#[test]
fn it_outlives_its_maker() {
    let (file, table, _) = table();
    let export = file.export(table, 0).unwrap();
    // The child has the last descriptor of the original.
    let child = task::spawn(pause);
    drop(file);
    kill(child, Signal::SIGKILL).unwrap();
    let killed = WaitStatus::Signaled(child, Signal::SIGKILL, false);
    assert_eq!(waitpid(child, None), Ok(killed));
    export.accum(table, 0, 1).unwrap();
    assert_eq!(export.read(table, 0), Ok(4));
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

/// Ids come back after all others have been used; what was exported does not.
#[test]
fn of_another_table_with_the_same_id_it_knows_nothing() {
    if kernel_is_slow() {
        // 65,535 tables take many minutes on the debug kernel.
        return;
    }
    let file = open_device();
    // One place is left, so that its ids come back soon.
    let others = (1..MAX_TABLES).map(|_| file.create(1).unwrap());
    let highest = others.max().unwrap();
    let table = file.create(1).unwrap();
    assert!(table > highest);
    let exports = [0, EXPORT_READ_ONLY].map(|flags| file.export(table, flags).unwrap());
    let mut last = table;
    loop {
        file.destroy(last).unwrap();
        last = file.create(1).unwrap();
        if last == table {
            break;
        }
    }
    file.load(table, 0, 9).unwrap();
    for export in &exports {
        assert_eq!(export.read(table, 0), Err(Errno::ENOENT));
        assert_eq!(export.snapshot(table, 0, 1), Err(Errno::ENOENT));
        for mut ops in [vec![read(0)], vec![expect(0, 0)], vec![read(0); 100]] {
            assert_eq!(export.batch(table, &mut ops), Err(Errno::ENOENT));
        }
        let (read, shared) = (ProtFlags::PROT_READ, MapFlags::MAP_SHARED);
        let mapped = Mapping::with(export, table, 0, 1, read, shared);
        assert_eq!(mapped.err(), Some(Errno::ENOENT));
        let text = fdinfo::text(export.as_fd().as_raw_fd()).unwrap();
        assert_eq!(fdinfo::parse_export(&text).contexts, None);
    }
    assert_eq!(exports[0].accum(table, 0, 1), Err(Errno::ENOENT));
    assert_eq!(exports[0].swap(table, 0, 1), Err(Errno::ENOENT));
    assert_eq!(file.read(table, 0), Ok(9));
    // A new export has it.
    assert_eq!(file.export(table, 0).unwrap().read(table, 0), Ok(9));
}

/// Where it fails, no descriptor is left, and the numbers of descriptors are as before.
#[test]
fn a_failure_leaves_no_descriptor() {
    let (file, table, _) = table();
    // In a child, so that no other test takes numbers.
    task::run(|| {
        let lowest = || {
            let fd = file.0.try_clone().unwrap();
            fd.as_raw_fd()
        };
        let before = lowest();
        let arg = Pages::new(1);
        arg.put(
            0,
            &[uapi::Export {
                table_id: table,
                ..uapi::Export::default()
            }],
        );
        arg.protect(0, ProtFlags::PROT_READ);
        let result = file.ioctl_at(uapi::IOC_EXPORT, arg.at(0));
        assert_eq!(result, Err(Errno::EFAULT));
        assert_eq!(lowest(), before);

        // No number is left.
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        setrlimit(Resource::RLIMIT_NOFILE, before as u64, hard).unwrap();
        assert_eq!(file.export(table, 0).err(), Some(Errno::EMFILE));
        setrlimit(Resource::RLIMIT_NOFILE, before as u64 + 1, hard).unwrap();
        let export = file.export(table, 0).unwrap();
        assert_eq!(export.as_fd().as_raw_fd(), before);
        close(export.0).unwrap();
    });
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
