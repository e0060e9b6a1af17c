// SPDX-License-Identifier: MIT OR Apache-2.0

//! Unloading: refused while a file is open, and without a trace otherwise.

use crate::kernel_memory::{in_use_kib, wait_for_at_most_kib};
use crate::{alone, rounds_before};
use atomik_test_support::{
    driver,
    mapping::Mapping,
    raw::{RawFile, open_device, read},
    rounds::rounds,
    task,
};
use atomik_uapi::EXPORT_READ_ONLY;
use nix::{
    errno::Errno,
    sys::{
        mman::{MapFlags, ProtFlags},
        signal, wait,
    },
};

#[test]
fn refused_while_a_file_is_open() {
    let _alone = alone();
    let file = open_device();
    let table = file.create(1).unwrap();
    assert_eq!(driver::unload(), Err(Errno::EWOULDBLOCK));
    let duplicate = RawFile(file.0.try_clone().unwrap());
    drop(file);
    assert_eq!(driver::unload(), Err(Errno::EWOULDBLOCK));
    duplicate.load(table, 0, 5).unwrap();
    assert_eq!(duplicate.read(table, 0), Ok(5));
    // A process that sleeps with the descriptor counts as well.
    let child = task::spawn(nix::unistd::pause);
    drop(duplicate);
    assert_eq!(driver::unload(), Err(Errno::EWOULDBLOCK));
    signal::kill(child, signal::Signal::SIGKILL).unwrap();
    wait::waitpid(child, None).unwrap();
    driver::unload().unwrap();
    assert!(!driver::is_there());
    driver::load("").unwrap();
    assert!(driver::is_there());
}

#[test]
fn refused_while_an_exported_descriptor_is_open() {
    let _alone = alone();
    for flags in [0, EXPORT_READ_ONLY] {
        let file = open_device();
        let table = file.create(600).unwrap();
        file.load(table, 0, 5).unwrap();
        let export = file.export(table, flags).unwrap();
        assert_eq!(driver::unload(), Err(Errno::EWOULDBLOCK));
        drop(file);
        assert_eq!(driver::unload(), Err(Errno::EWOULDBLOCK));
        assert_eq!(export.read(table, 0), Ok(5));
        let (read, shared) = (ProtFlags::PROT_READ, MapFlags::MAP_SHARED);
        let mapping = Mapping::with(&export, table, 0, 1, read, shared).unwrap();
        drop(export);
        assert_eq!(driver::unload(), Err(Errno::EWOULDBLOCK));
        assert_eq!(mapping.read(0), 5);
        drop(mapping);
        driver::unload().unwrap();
        driver::load("").unwrap();
    }
}

#[test]
fn refused_while_a_watch_is_open() {
    let _alone = alone();
    let file = open_device();
    let table = file.create(600).unwrap();
    let watch = file.watch(table, 0, 600, 0).unwrap();
    file.load(table, 0, 5).unwrap();
    drop(file);
    // The file is gone, and the watch has something to tell.
    assert_eq!(driver::unload(), Err(Errno::EWOULDBLOCK));
    assert_eq!(watch.read(600).unwrap()[0], (0, 5));
    assert_eq!(watch.read(600), Ok(vec![]));
    assert_eq!(driver::unload(), Err(Errno::EWOULDBLOCK));
    drop(watch);
    driver::unload().unwrap();
    driver::load("").unwrap();
}

#[test]
fn the_counters_start_anew() {
    let _alone = alone();
    let file = open_device();
    let table = file.create(1).unwrap();
    file.read(table, 0).unwrap();
    drop(file);
    driver::unload().unwrap();
    driver::load("").unwrap();
    assert_eq!(open_device().info().unwrap().ops_total, 0);
}

#[test]
fn a_thousand_times_leaks_nothing() {
    let _alone = alone();
    let rounds = rounds();
    let cycle = || {
        driver::unload().unwrap();
        driver::load("").unwrap();
        let file = open_device();
        let table = file.create(1000).unwrap();
        file.batch(table, &mut [read(0), read(999)]).unwrap();
        file.create(1).unwrap();
        let export = file.export(table, EXPORT_READ_ONLY).unwrap();
        file.export(table, 0).unwrap();
        drop(file);
        let watch = export.watch(table, 0, 1000, 0).unwrap();
        watch.read(500).unwrap();
        export.batch(table, &mut [read(0); 20]).unwrap();
        drop(export);
        watch.read(5).unwrap();
    };
    for _ in 0..rounds_before() {
        cycle();
    }
    let before = in_use_kib();
    for _ in 0..rounds {
        cycle();
    }
    // The smallest thing that a round allocates is an open file's 4 KiB.
    let after = wait_for_at_most_kib(before + 2 * rounds);
    println!("{} KiB more in use after {rounds} rounds", after - before);
}
