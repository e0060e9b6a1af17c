// SPDX-License-Identifier: MIT OR Apache-2.0

//! Many files of many processes at once.

use crate::{alone, reloaded::Reloaded};
use crate::{
    gate::Gate,
    kernel_memory::{in_use_kib, wait_for_at_most_kib},
};
use atomik_test_support::{
    raw::{RawFile, open_device},
    task,
};
use nix::{
    errno::Errno,
    sys::{
        signal::{Signal, kill},
        wait::{WaitStatus, waitpid},
    },
    unistd::Pid,
};

const PROCESSES: u64 = 8;
const FILES: u64 = 1024 / PROCESSES;
const TABLES: u32 = 4;
const CONTEXTS: u32 = 64;

#[test]
fn a_thousand_files_have_tables_of_their_own() {
    let _alone = alone();
    // After one round the kernel has all that it keeps for later use.
    a_thousand_files();
    let before = in_use_kib();
    let during = a_thousand_files();
    // A table of 64 contexts takes 1 KiB at least.
    let least = (PROCESSES * FILES) as i64 * i64::from(TABLES);
    assert!(during - before >= least, "only {} KiB", during - before);
    let after = wait_for_at_most_kib(before + 1024);
    println!(
        "{before} KiB before, {during} KiB with 1,024 files, {after} KiB after they are closed"
    );
}

/// Returns the KiB that the kernel has in use while all files are open.
fn a_thousand_files() -> i64 {
    let gate = Gate::new();
    let children: Vec<Pid> = (0..PROCESSES)
        .map(|process| {
            task::spawn(|| {
                let each = |file: u64, table: u32, addr: u32| {
                    (1 << 63)
                        | (process << 48)
                        | (file << 32)
                        | (u64::from(table) << 16)
                        | u64::from(addr)
                };
                let files: Vec<RawFile> = (0..FILES).map(|_| open_device()).collect();
                for (file, number) in files.iter().zip(0..) {
                    for table in 1..=TABLES {
                        assert_eq!(file.create(CONTEXTS), Ok(table));
                        for addr in [0, CONTEXTS - 1] {
                            file.load(table, addr, each(number, table, addr)).unwrap();
                        }
                    }
                }
                gate.report(0);
                gate.wait();
                for (file, number) in files.iter().zip(0..) {
                    for table in 1..=TABLES {
                        for addr in [0, CONTEXTS - 1] {
                            assert_eq!(file.read(table, addr), Ok(each(number, table, addr)));
                        }
                        assert_eq!(file.read(table, 1), Ok(0));
                    }
                }
            })
        })
        .collect();
    for _ in &children {
        gate.next();
    }
    let during = in_use_kib();
    gate.open(children.len());
    for child in children {
        task::join(child);
    }
    during
}

#[test]
fn the_limit_holds_over_all_processes() {
    let _alone = alone();
    const LIMIT_MIB: usize = 48;
    let _reloaded = Reloaded::with(&format!("limit_kib={}", LIMIT_MIB << 10));
    let before = in_use_kib();
    for round in 0..3 {
        let gate = Gate::new();
        let children: Vec<Pid> = (0..PROCESSES)
            .map(|_| {
                task::spawn(|| {
                    let files: Vec<RawFile> = (0..4).map(|_| open_device()).collect();
                    let mut tables = 0;
                    for file in files.iter().cycle() {
                        match file.create(65536) {
                            Ok(_) => tables += 1,
                            Err(error) => {
                                assert_eq!(error, Errno::ENOMEM);
                                break;
                            }
                        }
                    }
                    gate.report(tables);
                    gate.wait();
                })
            })
            .collect();
        let tables: usize = children.iter().map(|_| usize::from(gate.next())).sum();
        let used = in_use_kib() - before;
        println!("round {round}: {tables} tables of 1 MiB in 8 processes, {used} KiB more in use");
        // Each table has a little besides its contexts.
        assert!((LIMIT_MIB - 2..LIMIT_MIB).contains(&tables), "{tables}");
        assert!(used <= (LIMIT_MIB as i64 + 8) << 10, "{used} KiB");
        // All of it can be had again, however they end.
        for child in children {
            kill(child, Signal::SIGKILL).unwrap();
            assert_eq!(
                waitpid(child, None),
                Ok(WaitStatus::Signaled(child, Signal::SIGKILL, false))
            );
        }
    }
    wait_for_at_most_kib(before + 4096);
}
