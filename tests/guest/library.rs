// SPDX-License-Identifier: MIT OR Apache-2.0

//! The crate `atomik` on the real device.

use atomik::{Backend, Batch, Context, Device, Error, LocalError, MAX_BATCH};
use std::{num::NonZeroU64, os::fd::OwnedFd, thread};

#[test]
fn every_operation() {
    let device = Device::open().unwrap();
    let table = device.create_table(256).unwrap();
    assert_eq!((table.id(), table.contexts()), (1, Some(256)));
    table.load(0, 0xCAFE_BABE).unwrap();
    table.accum(0, 1).unwrap();
    assert_eq!(table.read(0).unwrap(), 0xCAFE_BABF);
    table.load(1, 1000).unwrap();
    table.accum(1, 50).unwrap();
    assert_eq!(table.swap(1).unwrap(), 986);
    assert_eq!(table.read(1).unwrap(), 986);
    assert_eq!(table.swap_to(1, NonZeroU64::MAX).unwrap(), 986);
    assert_eq!(table.read(1).unwrap(), u64::MAX);
    let info = device.info().unwrap();
    assert_eq!(info.version.to_string(), env!("CARGO_PKG_VERSION"));
    assert_eq!(info.backend, Backend::Software);
    assert!(info.ops_total >= 8);
}

#[test]
fn a_batch_returns_by_handle_and_in_order() {
    let table = Device::open().unwrap().create_table(8).unwrap();
    let mut batch = Batch::new();
    batch.load(0, 5).accum(0, 3);
    let swapped = batch.swap(0);
    batch.accum(0, 1);
    let read = batch.read(0);
    let results = table.run(&mut batch).unwrap();
    assert_eq!(results.get(swapped).unwrap(), 6);
    assert_eq!(results.get(read).unwrap(), 7);
    let all: Vec<_> = results.iter().map(|r| (r.entry, r.addr, r.state)).collect();
    assert_eq!(all, [(2, 0, 6), (4, 0, 7)]);
    // The batch can be run again, and filled anew.
    assert_eq!(table.run(&mut batch).unwrap().states().last(), Some(7));
    batch.clear();
    batch.accum(0, 7);
    table.submit(&batch).unwrap();
    assert_eq!(table.read(0).unwrap(), 0);
}

#[test]
fn a_full_batch() {
    let table = Device::open().unwrap().create_table(65536).unwrap();
    let mut batch = Batch::with_capacity(MAX_BATCH as usize);
    for i in 0..4096 {
        batch.accum(i * 16, u64::from(i) + 1);
    }
    assert!(batch.is_full());
    table.submit(&batch).unwrap();
    assert_eq!(table.read(4095 * 16).unwrap(), 4096);
}

#[test]
fn many_states_at_once() {
    let device = Device::open().unwrap();
    let mut table = device.create_table(1000).unwrap();
    let addrs: Vec<u32> = (0..10_000).map(|n| n * 7 % 1000).collect();
    let values: Vec<u64> = (1..=10_000).collect();
    table.accum(0, 1).unwrap();
    table.load_many(&addrs, &values).unwrap();
    // The last of each address, which are in the order of the last 1000 entries.
    let expected: Vec<u64> = (0..10_000).map(|n| 9001 + n % 1000).collect();
    let mut states = vec![0; 10_000];
    // The size isn't known there, nor needed.
    let other = device.table(table.id()).unwrap();
    for table in [&*table, &other] {
        states.fill(0);
        table.read_many(&addrs, &mut states).unwrap();
        assert_eq!(states, expected);
    }
    assert_eq!(table.context(0).unwrap().accumulator, 0);

    // A wrong address is named by its number among all, in the third batch too.
    let mut wrong = addrs.clone();
    wrong[9000] = 1000;
    for table in [&*table, &other] {
        let loaded = table.load_many(&wrong, &vec![5; 10_000]);
        for result in [loaded, table.read_many(&wrong, &mut states)] {
            let error = result.unwrap_err();
            let entry = Some(9000);
            assert!(
                matches!(error, Error::Address { addr: 1000, entry: e, .. } if e == entry),
                "{error}"
            );
        }
    }
    let lengths = |result: atomik::Result<()>| {
        let error = result.unwrap_err();
        assert!(
            matches!(error, Error::Local(LocalError::Lengths { .. })),
            "{error}"
        );
    };
    lengths(table.load_many(&[0, 1], &[5]));
    lengths(table.read_many(&[0], &mut [0; 2]));
    table.load_many(&[], &[]).unwrap();
    table.read_many(&[], &mut []).unwrap();

    // By the trait, whatever the table is.
    let any: &mut dyn atomik::ContextTable = &mut table;
    any.read_many(&addrs, &mut states).unwrap();
    assert_eq!(states, expected);
    any.load_many(&[1, 2], &[3, 4]).unwrap();
    any.read_many(&[2, 1], &mut states[..2]).unwrap();
    assert_eq!(states[..2], [4, 3]);
}

#[test]
fn a_mapping_that_owns_what_it_needs_goes_to_a_thread() {
    let device = Device::open().unwrap();
    let table = device.create_table(4).unwrap();
    let map = table.clone().into_map().unwrap();
    let view = device.table(table.id()).unwrap().into_view().unwrap();
    drop(device);
    let thread = std::thread::spawn(move || {
        map.accum(3, 5).unwrap();
        map
    });
    let map = thread.join().unwrap();
    assert_eq!(table.read(3).unwrap(), 5);
    table.accum(3, 2).unwrap();
    assert_eq!((map.read(3).unwrap(), view.read(3).unwrap()), (7, 7));
    // The owner of the table ends it; the mapping has its last states.
    drop(table);
    assert_eq!((map.read(3).unwrap(), view.contexts()), (7, 4));
}

#[test]
fn many_deltas_at_once() {
    let device = Device::open().unwrap();
    let table = device.create_table(1000).unwrap();
    let addrs: Vec<u32> = (0..10_000).map(|n| n * 7 % 1000).collect();
    let mut deltas: Vec<u64> = (0..10_000).collect();
    let mut expected = vec![0; 1000];
    for (addr, delta) in addrs.iter().zip(&deltas) {
        expected[*addr as usize] ^= delta;
    }
    table.accum_many(&addrs, &deltas).unwrap();
    let states = || -> Vec<u64> {
        let image = table.snapshot(0..1000).unwrap();
        image.into_iter().map(|context| context.state()).collect()
    };
    assert_eq!(states(), expected);
    // One wrong operation in the last batch, and nothing is done, even where the size has to be
    // asked for.
    let wrong = [&addrs[1..], &[1000]].concat();
    for table in [&*table, &device.table(table.id()).unwrap()] {
        let error = table.accum_many(&wrong, &deltas).unwrap_err();
        let entry = Some(9999);
        assert!(
            matches!(error, Error::Address { addr: 1000, entry: e, .. } if e == entry),
            "{error}"
        );
    }
    deltas.pop();
    let error = table.accum_many(&addrs, &deltas).unwrap_err();
    assert!(matches!(
        error,
        Error::Local(LocalError::Lengths {
            addresses: 10_000,
            words: 9999,
            limbs: 1
        })
    ));
    assert_eq!(states(), expected);
    table.accum_many(&[], &[]).unwrap();

    assert_eq!(table.swap_with(7, 0).unwrap(), expected[7]);
    assert_eq!(table.context(7).unwrap(), Context::default());
    assert_eq!(table.swap_with(7, 9).unwrap(), 0);
    assert_eq!(table.context(7).unwrap().reference, 9);
    let error = table.context(1000).unwrap_err();
    assert!(
        matches!(error, Error::Address { addr: 1000, .. }),
        "{error}"
    );
    assert!(table.swap_with(1000, 0).is_err());
}

#[test]
fn a_table_is_destroyed_when_dropped_and_only_then() {
    let device = Device::open().unwrap();
    let table = device.create_table(4).unwrap();
    let id = table.id();
    let attached = device.table(id).unwrap();
    drop(attached.clone());
    attached.load(0, 9).unwrap();
    assert_eq!(table.read(0).unwrap(), 9);
    drop(table);
    let error = attached.read(0).unwrap_err();
    assert!(matches!(error, Error::NoSuchTable { table } if table == id));
    assert!(matches!(device.table(id), Err(Error::NoSuchTable { .. })));

    let kept = device.create_table(4).unwrap().into_id();
    device.table(kept).unwrap().load(3, 1).unwrap();
    // A table needs no `Device` to live on.
    let table = device.create_table(1).unwrap();
    drop(device);
    table.load(0, 2).unwrap();
    assert_eq!(table.read(0).unwrap(), 2);
}

#[test]
fn descriptors_come_and_go() {
    let device = Device::open().unwrap();
    let table = device.create_table(1).unwrap();
    let fd: OwnedFd = device.try_clone().unwrap().into_fd().unwrap();
    let other = Device::from_fd(fd).unwrap();
    other.table(table.id()).unwrap().load(0, 3).unwrap();
    assert_eq!(table.read(0).unwrap(), 3);
    let null = std::fs::File::open("/dev/null").unwrap();
    assert!(matches!(
        Device::from_fd(null.into()),
        Err(Error::NotAtomik { .. })
    ));
}

#[test]
fn errors_say_what_was_wrong() {
    let device = Device::open().unwrap();
    let table = device.create_table(16).unwrap();
    let text = table.read(16).unwrap_err().to_string();
    assert_eq!(text, "address 16 is outside table 1, which has 16 contexts");
    let mut batch = Batch::new();
    batch.load(0, 1).accum(99, 1);
    let error = table.submit(&batch).unwrap_err();
    assert!(matches!(
        error,
        Error::Address {
            addr: 99,
            entry: Some(1),
            ..
        }
    ));
    assert_eq!(table.read(0).unwrap(), 0);
    assert!(matches!(
        device.create_table(0),
        Err(Error::InvalidCount { .. })
    ));
    let missing = Device::open_path("/dev/atomik-that-is-not-there").unwrap_err();
    assert!(matches!(missing, Error::NoDevice { .. }));
    assert!(missing.hint().unwrap().contains("modprobe atomik"));
}

#[test]
fn a_table_serves_many_threads() {
    let table = Device::open().unwrap().create_table(4).unwrap();
    thread::scope(|scope| {
        for addr in 0..4 {
            let table = &table;
            scope.spawn(move || {
                for n in 0..500 {
                    table.accum(addr, n).unwrap();
                }
            });
        }
    });
    let expected = (0..500).fold(0, |sum, n| sum ^ n);
    for addr in 0..4 {
        assert_eq!(table.read(addr).unwrap(), expected);
    }
}

#[test]
fn a_table_can_be_mapped() {
    let device = Device::open().unwrap();
    let table = device.create_table(1000).unwrap();
    table.load(999, 0xff00).unwrap();
    let map = table.map().unwrap();
    assert_eq!(map.contexts(), 1000);
    map.accum(999, 0x00ff).unwrap();
    assert_eq!(table.read(999).unwrap(), 0xffff);
    table.accum(0, 5).unwrap();
    assert_eq!(map.read(0).unwrap(), 5);
    let beyond = map.read(1000).unwrap_err();
    assert!(matches!(
        beyond,
        Error::Address {
            addr: 1000,
            contexts: Some(1000),
            ..
        }
    ));

    // Found by id in the same open file, and only to be read.
    let again = device.table(table.id()).unwrap();
    assert_eq!(again.view().unwrap().read(999).unwrap(), 0xffff);

    thread::scope(|scope| {
        for bit in 0..4 {
            let map = &map;
            scope.spawn(move || {
                for _ in 0..501 {
                    map.accum(1, 1 << bit).unwrap();
                }
            });
        }
    });
    assert_eq!(table.read(1).unwrap(), 0xf);

    let gone = device
        .table(table.id() + 1)
        .and_then(|table| table.size())
        .unwrap_err();
    assert!(matches!(gone, Error::NoSuchTable { .. }));
}
