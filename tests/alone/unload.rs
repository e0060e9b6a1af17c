// SPDX-License-Identifier: MIT OR Apache-2.0

//! Unloading: refused while a file is open, and without a trace otherwise.

use crate::alone;
use atomik_tests::{
    driver,
    raw::{RawFile, open_device, read},
    task,
};
use nix::{
    errno::Errno,
    sys::{signal, wait},
};
use std::{env, fs, path::Path};

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

/// Memory that the kernel has allocated for itself, in KiB: what a module could leak.
fn kernel_kib() -> i64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap();
    let field = |name: &str| -> i64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let value = line.and_then(|line| line.trim().strip_suffix(" kB"));
        value.expect("a field of meminfo").parse().unwrap()
    };
    field("Slab:") + field("VmallocUsed:") + field("Percpu:")
}

#[test]
fn a_thousand_times_leaks_nothing() {
    let _alone = alone();
    // Fewer on a kernel that takes long for each.
    let rounds = env::var("ATOMIK_UNLOADS").map_or(1000, |n| n.parse().expect("a number"));
    let cycle = || {
        driver::unload().unwrap();
        driver::load("").unwrap();
        let file = open_device();
        let table = file.create(1000).unwrap();
        file.batch(table, &mut [read(0), read(999)]).unwrap();
        file.create(1).unwrap();
    };
    // What the kernel keeps for later use it has after some rounds.
    for _ in 0..50 {
        cycle();
    }
    let before = kernel_kib();
    for _ in 0..rounds {
        cycle();
    }
    let grown = kernel_kib() - before;
    println!("{grown} KiB more in use after {rounds} rounds");
    // The debug kernel keeps freed memory back for a while, and looks itself for what is lost.
    if !Path::new("/sys/kernel/debug/kmemleak").exists() {
        // The smallest thing that a round allocates is an open file's 4 KiB.
        assert!(grown < 2 * rounds, "{grown} KiB more in use");
    }
}
