// SPDX-License-Identifier: MIT OR Apache-2.0

//! Every error of the ABI, and that it changes nothing.

use atomik_test_support::{
    memory::{Pages, page_size},
    raw::{RawFile, accum, load, open_device, open_device_with, read, swap},
};
use atomik_uapi::{self as uapi, BatchOp, Command, OP_SET, Served};
use nix::{errno::Errno, fcntl::OFlag, sys::mman::ProtFlags};
use std::ptr::null_mut;

/// A file with a table of 4 contexts, whose states are 10, 11, 12, 13.
fn file_with_table() -> (RawFile, u32) {
    let file = open_device();
    let table = file.create(4).unwrap();
    for addr in 0..4 {
        file.load(table, addr, 10 + u64::from(addr)).unwrap();
    }
    (file, table)
}

fn assert_unchanged(file: &RawFile, table: u32) {
    assert_eq!(file.states(table, 4), [10, 11, 12, 13]);
}

#[test]
fn enotty_for_unknown_commands() {
    let (file, table) = file_with_table();
    // Big enough for whatever size a command names, and all of it a valid table id.
    let mut arg = [table; 0x4000 / 4];
    // All numbers with the sizes and directions in use; the reserved ones among them.
    let served = |ioc| Command::all_served().any(|command| command.ioc == ioc);
    for shape in Command::all_served().map(|command| command.ioc & !0xFF) {
        for other in (shape..=shape | 0xFF).filter(|&ioc| !served(ioc)) {
            let result = file.ioctl(other, &mut arg);
            assert_eq!(result, Err(Errno::ENOTTY), "{other:#x}");
        }
    }
    // Known numbers with any other size or direction, or of another magic.
    for command in Command::all_served().map(|command| command.ioc) {
        for direction in 0..4u32 {
            for size in [0, 1, 4, 8, 12, 16, 20, 24, 32, 40, 0x3FFF] {
                let other = (direction << 30) | (size << 16) | (command & 0xFFFF);
                if other != command {
                    let result = file.ioctl(other, &mut arg);
                    assert_eq!(result, Err(Errno::ENOTTY), "{other:#x}");
                }
            }
        }
        assert_eq!(file.ioctl(command ^ 0x100, &mut arg), Err(Errno::ENOTTY));
    }
    assert_unchanged(&file, table);
}

#[test]
fn enotty_beats_efault_for_unknown_commands() {
    let file = open_device();
    assert_eq!(
        file.ioctl_at(uapi::IOC_FP_CHECK, null_mut()),
        Err(Errno::ENOTTY)
    );
}

#[test]
fn efault_for_arguments_that_cannot_be_read() {
    let (file, table) = file_with_table();
    let pages = Pages::new(2);
    pages.put(0, &vec![table; 2 * page_size() / 4]);
    pages.protect(1, ProtFlags::PROT_NONE);
    for command in Command::all_served() {
        // All but the last byte of it is there, and names a table and a context. (That byte may
        // belong to a word which is only written, once the table has been found.)
        let size = command.size() - 1;
        let names: Vec<u8> = [table, 0]
            .iter()
            .flat_map(|name| name.to_ne_bytes())
            .collect();
        pages.put(page_size() - size, &names[..size.min(names.len())]);
        let nowhere = [
            null_mut(),
            std::ptr::without_provenance_mut(1 << 63),
            std::ptr::without_provenance_mut(usize::MAX),
            pages.at(page_size()),
            pages.at(page_size() - size),
        ];
        for arg in nowhere {
            let result = file.ioctl_at(command.ioc, arg);
            assert_eq!(result, Err(Errno::EFAULT), "{command:?}");
        }
    }
    assert_unchanged(&file, table);
}

#[test]
fn an_argument_may_end_where_its_page_does() {
    let (file, table) = file_with_table();
    let pages = Pages::new(2);
    pages.protect(1, ProtFlags::PROT_NONE);
    let arg = uapi::Swap {
        table_id: table,
        addr: 1,
        new_reference: 0,
        old_state: 0,
    };
    let offset = page_size() - size_of_val(&arg);
    pages.put(offset, &[arg]);
    assert_eq!(file.ioctl_at(uapi::IOC_SWAP, pages.at(offset)), Ok(()));
}

#[test]
fn efault_for_results_that_cannot_be_written() {
    let (file, table) = file_with_table();
    let pages = Pages::new(1);
    let read_only = |file: &RawFile, command, arg: &[u64]| {
        pages.protect(0, ProtFlags::PROT_READ | ProtFlags::PROT_WRITE);
        pages.put(0, arg);
        pages.protect(0, ProtFlags::PROT_READ);
        file.ioctl_at(command, pages.at(0))
    };
    let target = u64::from(table) | (2 << 32);
    assert_eq!(
        read_only(&file, uapi::IOC_READ, &[target, 0]),
        Err(Errno::EFAULT)
    );
    for new_reference in [0, 99] {
        let arg = [target, new_reference, 0];
        assert_eq!(read_only(&file, uapi::IOC_SWAP, &arg), Err(Errno::EFAULT));
    }
    assert_eq!(
        read_only(&file, uapi::IOC_GET_INFO, &[]),
        Err(Errno::EFAULT)
    );
    assert_unchanged(&file, table);

    // A table whose id can't be told does not exist.
    let before = atomik_test_support::fdinfo::read(&file);
    for _ in 0..2 * uapi::MAX_TABLES {
        assert_eq!(
            read_only(&file, uapi::IOC_CREATE_TABLE, &[4]),
            Err(Errno::EFAULT)
        );
    }
    let after = atomik_test_support::fdinfo::read(&file);
    assert_eq!(
        (after.tables, after.contexts),
        (before.tables, before.contexts)
    );
    for _ in 1..uapi::MAX_TABLES {
        file.create(1).unwrap();
    }

    // Commands without a result may lie in read-only memory.
    assert_eq!(read_only(&file, uapi::IOC_LOAD, &[target, 77]), Ok(()));
    assert_eq!(read_only(&file, uapi::IOC_ACCUM, &[target, 1]), Ok(()));
    assert_eq!(file.read(table, 2), Ok(76));
}

#[test]
fn einval_for_numbers_out_of_range() {
    let (file, table) = file_with_table();
    for contexts in [0, uapi::MAX_CONTEXTS + 1, u32::MAX] {
        assert_eq!(file.create(contexts), Err(Errno::EINVAL));
    }
    for addr in [4, 5, 0xFFFF, 0x1_0000, u32::MAX] {
        assert_eq!(file.load(table, addr, 1), Err(Errno::EINVAL));
        assert_eq!(file.accum(table, addr, 1), Err(Errno::EINVAL));
        assert_eq!(file.read(table, addr), Err(Errno::EINVAL));
        assert_eq!(file.swap(table, addr, 1), Err(Errno::EINVAL));
        for op in [load(addr, 1), accum(addr, 1), read(addr), swap(addr)] {
            // Also behind entries that are valid and must not be applied.
            let mut batch = [load(0, 1), accum(1, 1), swap(2), read(3), op];
            assert_eq!(file.batch(table, &mut batch), Err(Errno::EINVAL));
        }
    }
    assert_unchanged(&file, table);
}

#[test]
fn einval_for_batches_out_of_range() {
    let (file, table) = file_with_table();
    let mut ops = vec![accum(0, 1); uapi::MAX_BATCH as usize + 1];
    assert_eq!(file.batch(table, &mut []), Err(Errno::EINVAL));
    assert_eq!(file.batch(table, &mut ops), Err(Errno::EINVAL));
    let start = ops.as_ptr() as u64;
    assert_eq!(file.batch_at(table, u32::MAX, start), Err(Errno::EINVAL));
    assert_unchanged(&file, table);
    // 4096 is not out of range.
    ops.pop();
    assert_eq!(file.batch(table, &mut ops), Ok(()));
    assert_unchanged(&file, table);
}

#[test]
fn einval_for_unknown_opcodes_and_reserved_bytes() {
    let (file, table) = file_with_table();
    let bad = (OP_SET + 1..=u8::MAX)
        .map(|opcode| BatchOp {
            opcode,
            ..accum(0, 1)
        })
        .chain((0..3).flat_map(|byte| {
            [1, 0x80].map(|value| {
                let mut op = accum(0, 1);
                op.reserved[byte] = value;
                op
            })
        }));
    for op in bad {
        let mut batch = [accum(0, 1), load(1, 1), op, accum(2, 1)];
        assert_eq!(file.batch(table, &mut batch), Err(Errno::EINVAL), "{op:?}");
    }
    assert_unchanged(&file, table);
}

#[test]
fn enoent_for_tables_that_are_not_there() {
    let (file, table) = file_with_table();
    let gone = file.create(4).unwrap();
    file.destroy(gone).unwrap();
    for id in [0, table + 1, gone, table + 256, 1 << 31, u32::MAX] {
        assert_eq!(file.load(id, 0, 1), Err(Errno::ENOENT));
        assert_eq!(file.accum(id, 0, 1), Err(Errno::ENOENT));
        assert_eq!(file.read(id, 0), Err(Errno::ENOENT));
        assert_eq!(file.swap(id, 0, 1), Err(Errno::ENOENT));
        assert_eq!(file.batch(id, &mut [read(0)]), Err(Errno::ENOENT));
        assert_eq!(file.destroy(id), Err(Errno::ENOENT));
    }
    assert_unchanged(&file, table);
}

#[test]
fn enospc_after_256_tables() {
    let file = open_device();
    let ids: Vec<u32> = (0..256).map(|_| file.create(1).unwrap()).collect();
    assert_eq!(file.create(1), Err(Errno::ENOSPC));
    // Another file has its own.
    open_device().create(1).unwrap();
    file.destroy(ids[100]).unwrap();
    file.create(1).unwrap();
    assert_eq!(file.create(1), Err(Errno::ENOSPC));
}

#[test]
fn ebadf_without_write_access() {
    let file = open_device_with(OFlag::O_RDONLY).unwrap();
    for command in Command::all_served() {
        let mut arg = [0u64; 0x4000 / 8];
        let refused = file.ioctl(command.ioc, &mut arg) == Err(Errno::EBADF);
        assert_eq!(refused, command.served == Served::ForWriting, "{command:?}");
    }
    // These change nothing.
    assert_eq!(file.read(1, 0), Err(Errno::ENOENT));
    assert!(file.info().is_ok());
    // Commands that change something need no right to read.
    let file = open_device_with(OFlag::O_WRONLY).unwrap();
    let table = file.create(1).unwrap();
    file.load(table, 0, 5).unwrap();
    assert_eq!(file.read(table, 0), Ok(5));
}

#[test]
fn the_device_has_no_other_operations() {
    let file = open_device();
    let mut byte = [0];
    assert!(nix::unistd::read(&file, &mut byte).is_err());
    assert!(nix::unistd::write(&file, &byte).is_err());
}
