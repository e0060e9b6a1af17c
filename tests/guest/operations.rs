// SPDX-License-Identifier: MIT OR Apache-2.0

//! Each command's effect when all is well.

use atomik_test_support::{
    fdinfo,
    memory::Pages,
    raw::{self, accum, load, open_device, read, swap},
};
use atomik_uapi as uapi;
use nix::sys::mman::ProtFlags;

#[test]
fn a_new_context_is_zero() {
    let file = open_device();
    let table = file.create(3).unwrap();
    assert_eq!(file.states(table, 3), [0; 3]);
    assert_eq!(file.swap(table, 0, 0), Ok(0));
}

#[test]
fn load_then_accum() {
    let file = open_device();
    let table = file.create(256).unwrap();
    file.load(table, 0, 0xCAFE_BABE).unwrap();
    file.accum(table, 0, 1).unwrap();
    assert_eq!(file.read(table, 0), Ok(0xCAFE_BABF));
}

#[test]
fn swap_keeps_the_state() {
    let file = open_device();
    let table = file.create(256).unwrap();
    file.load(table, 1, 1000).unwrap();
    file.accum(table, 1, 50).unwrap();
    assert_eq!(file.swap(table, 1, 0), Ok(986));
    assert_eq!(file.read(table, 1), Ok(986));
}

#[test]
fn accum_sets_bits() {
    let file = open_device();
    let table = file.create(256).unwrap();
    file.load(table, 2, 0xFF00).unwrap();
    file.accum(table, 2, 0x00FF).unwrap();
    assert_eq!(file.read(table, 2), Ok(0xFFFF));
}

#[test]
fn swap_to_another_reference() {
    let file = open_device();
    let table = file.create(1).unwrap();
    file.load(table, 0, 7).unwrap();
    file.accum(table, 0, 8).unwrap();
    assert_eq!(file.swap(table, 0, 0xABCD), Ok(15));
    assert_eq!(file.read(table, 0), Ok(0xABCD));
    // A reference that happens to be the state.
    assert_eq!(file.swap(table, 0, 0xABCD), Ok(0xABCD));
    assert_eq!(file.read(table, 0), Ok(0xABCD));
}

#[test]
fn deltas_commute_and_undo_themselves() {
    let file = open_device();
    let table = file.create(2).unwrap();
    let deltas = [u64::MAX, 1, 0x8000_0000_0000_0000, 0x1234_5678_9ABC_DEF0];
    for delta in deltas {
        file.accum(table, 0, delta).unwrap();
    }
    for delta in deltas.iter().rev() {
        file.accum(table, 1, *delta).unwrap();
    }
    assert_eq!(file.read(table, 0), file.read(table, 1));
    for delta in deltas {
        file.accum(table, 0, delta).unwrap();
    }
    assert_eq!(file.read(table, 0), Ok(0));
}

#[test]
fn all_values_and_the_last_context() {
    let file = open_device();
    let last = uapi::MAX_CONTEXTS - 1;
    let table = file.create(uapi::MAX_CONTEXTS).unwrap();
    for value in [0, 1, u64::MAX, 1 << 63] {
        file.load(table, last, value).unwrap();
        assert_eq!(file.read(table, last), Ok(value));
        assert_eq!(file.swap(table, last, 0), Ok(value));
    }
    assert_eq!(file.read(table, last - 1), Ok(0));
}

#[test]
fn contexts_and_tables_are_separate() {
    let file = open_device();
    let tables: Vec<u32> = (0..4).map(|_| file.create(8).unwrap()).collect();
    for (i, &table) in tables.iter().enumerate() {
        for addr in 0..8 {
            file.load(table, addr, ((i as u64) << 32) | u64::from(addr))
                .unwrap();
        }
    }
    for (i, &table) in tables.iter().enumerate() {
        let expected: Vec<u64> = (0..8).map(|addr| ((i as u64) << 32) | addr).collect();
        assert_eq!(file.states(table, 8), expected);
    }
}

#[test]
fn ids_start_at_1_and_a_destroyed_one_does_not_come_back_at_once() {
    let file = open_device();
    let first = file.create(1).unwrap();
    assert_eq!(first, 1);
    file.destroy(first).unwrap();
    let mut seen = vec![first];
    for _ in 0..300 {
        let id = file.create(1).unwrap();
        assert!(id >= 1 && !seen.contains(&id));
        file.destroy(id).unwrap();
        seen.push(id);
    }
}

#[test]
fn a_table_in_a_used_place_is_zero() {
    let file = open_device();
    for _ in 0..10 {
        let table = file.create(100).unwrap();
        assert_eq!(file.states(table, 100), [0; 100]);
        for addr in 0..100 {
            file.load(table, addr, !0).unwrap();
        }
        file.destroy(table).unwrap();
    }
}

#[test]
fn as_many_tables_as_promised() {
    let file = open_device();
    let ids: Vec<u32> = (0..uapi::MAX_TABLES)
        .map(|_| file.create(1).unwrap())
        .collect();
    for &id in &ids {
        file.load(id, 0, u64::from(id) << 40).unwrap();
    }
    for &id in &ids {
        assert_eq!(file.read(id, 0), Ok(u64::from(id) << 40));
    }
}

#[test]
fn get_info() {
    let file = open_device();
    let info = file.info().unwrap();
    assert_eq!(info.version, uapi::VERSION);
    assert_eq!(info.backend, 0);
    assert_eq!((info.hw_banks, info.fp_enabled), (0, 0));
    assert_eq!((info.fp_checks, info.fp_bytes_saved), (0, 0));
}

#[test]
fn fdinfo_shows_this_file() {
    let file = open_device();
    let empty = fdinfo::read(&file);
    assert_eq!((empty.tables, empty.contexts, empty.ops), (0, 0, 0));

    let a = file.create(1000).unwrap();
    let b = file.create(24).unwrap();
    file.load(a, 0, 1).unwrap();
    file.accum(b, 0, 1).unwrap();
    file.read(a, 0).unwrap();
    file.swap(a, 0, 0).unwrap();
    file.batch(a, &mut [read(0), load(1, 5), accum(2, 6), swap(3)])
        .unwrap();
    // Failures are not counted.
    file.read(a, 1000).unwrap_err();
    file.batch(b, &mut [read(24)]).unwrap_err();
    let read_only = Pages::new(1);
    read_only.put(0, &[a, 0]);
    read_only.protect(0, ProtFlags::PROT_READ);
    file.ioctl_at(uapi::IOC_READ, read_only.at(0)).unwrap_err();

    let info = fdinfo::read(&file);
    assert_eq!((info.tables, info.contexts, info.ops), (2, 1024, 8));
    assert!(info.bytes >= 16 * 1024);
    assert_eq!(info.each, [(a, 1000), (b, 24)]);

    file.destroy(a).unwrap();
    let after = fdinfo::read(&file);
    assert_eq!((after.tables, after.contexts, after.ops), (1, 24, 8));
    // 16 bytes a context, rounded up to a power of two.
    assert_eq!(info.bytes - after.bytes, 16 * 1024);
    assert_eq!(after.each, [(b, 24)]);
}

#[test]
fn fdinfo_shows_nothing_of_another_file() {
    let file = open_device();
    file.create(1).unwrap();
    let other = raw::open_device();
    assert_eq!(fdinfo::read(&other).tables, 0);
}
