// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Subject`], a table whose contents are known, and [`Memory`], what the module has left to give.

use atomik_test_support::{
    driver, fdinfo,
    raw::{RawFile, load, open_device},
};
use atomik_uapi::MAX_TABLES;
use std::{fs, path::Path, sync::Once};

/// Contexts of the table.
pub const CONTEXTS: u32 = 24;

/// A table, and what it must hold.
pub struct Subject {
    pub file: RawFile,
    pub table: u32,
    pub states: Vec<u64>,
}

impl Subject {
    pub fn new() -> Self {
        let file = open_device();
        let table = file.create(CONTEXTS).expect("create a table");
        let states: Vec<u64> = (1..=u64::from(CONTEXTS))
            .map(|i| i.wrapping_mul(0x9E37_79B9_7F4A_7C15))
            .collect();
        let mut ops: Vec<_> = (0..).zip(&states).map(|(i, &s)| load(i, s)).collect();
        file.batch(table, &mut ops).expect("fill the table");
        Self {
            file,
            table,
            states,
        }
    }

    /// The whole table is as expected, and serves.
    pub fn check(&mut self) {
        assert_eq!(self.file.states(self.table, CONTEXTS), self.states);
        let last = CONTEXTS - 1;
        self.file.accum(self.table, last, 1).expect("ACCUM");
        self.states[last as usize] ^= 1;
        let swapped = self.file.swap(self.table, last, 0);
        assert_eq!(swapped, Ok(self.states[last as usize]));
    }
}

/// Bytes that all tables may have, in KiB: little, so that measuring what is left takes few tables.
const LIMIT_KIB: u32 = 8192;

/// What the module's limit leaves. It must be the same in the end.
pub struct Memory {
    contexts: u64,
}

impl Memory {
    pub fn measure() -> Self {
        static PREPARED: Once = Once::new();
        PREPARED.call_once(|| {
            driver::unload().expect("unload");
            driver::load(&format!("limit_kib={LIMIT_KIB}")).expect("load");
            enter_cgroup();
        });
        Self {
            contexts: contexts_left(),
        }
    }

    /// The module has as much to give as it had.
    pub fn assert_back(self) {
        assert_eq!(contexts_left(), self.contexts, "contexts that can be had");
    }
}

/// Outside of the root cgroup, memory is charged, which allocates too.
fn enter_cgroup() {
    let cgroup = Path::new("/sys/fs/cgroup/atomik-faults");
    fs::create_dir(cgroup).expect("make a cgroup");
    fs::write(cgroup.join("cgroup.procs"), "0").expect("enter the cgroup");
}

/// How many contexts can be had at most.
fn contexts_left() -> u64 {
    let file = open_device();
    // The places of tables count as well, and stay. So they are made first.
    let tables: Vec<u32> = (0..MAX_TABLES).map(|_| file.create(1).unwrap()).collect();
    for table in tables {
        file.destroy(table).unwrap();
    }
    // A size is a power of two, as what is charged: the sum is exact.
    let mut size = 65536;
    while size > 0 {
        if file.create(size).is_err() {
            size /= 2;
        }
    }
    fdinfo::read(&file).contexts
}
