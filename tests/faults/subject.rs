// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Subject`], a table with known contents, and [`Memory`], the rest of the module's limit.

use atomik_test_support::{
    driver, fdinfo,
    raw::{RawFile, load, open_device},
};
use atomik_uapi::MAX_TABLES;
use std::{fs, path::Path, sync::Once};

/// Contexts of the table.
pub const CONTEXTS: u32 = 24;

/// A table, and the states that it must have.
pub struct Subject {
    pub file: RawFile,
    pub table: u32,
    pub states: Vec<u64>,
}

/// The state that a context starts from.
pub fn initial_state(addr: u32) -> u64 {
    u64::from(addr + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

impl Subject {
    pub fn new() -> Self {
        let file = open_device();
        let table = file.create(CONTEXTS).expect("create a table");
        let states: Vec<u64> = (0..CONTEXTS).map(initial_state).collect();
        let mut ops: Vec<_> = (0..).zip(&states).map(|(i, &s)| load(i, s)).collect();
        file.batch(table, &mut ops).expect("fill the table");
        Self {
            file,
            table,
            states,
        }
    }

    /// Checks that the whole table is as expected, and serves.
    pub fn check(&mut self) {
        assert_eq!(self.file.states(self.table, CONTEXTS), self.states);
        let last = CONTEXTS - 1;
        self.file.accum(self.table, last, 1).expect("ACCUM");
        self.states[last as usize] ^= 1;
        let swapped = self.file.swap(self.table, last, 0);
        assert_eq!(swapped, Ok(self.states[last as usize]));
    }
}

/// KiB that all tables may use: little, so that few tables measure the rest.
const LIMIT_KIB: u32 = 8192;

/// The rest of the module's limit. It must be the same in the end.
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

    /// Checks that as much is left as before.
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

/// Number of contexts that can be had.
fn contexts_left() -> u64 {
    let file = open_device();
    // The places of tables count too, and stay, so make them first.
    let tables: Vec<u32> = (0..MAX_TABLES).map(|_| file.create(1).unwrap()).collect();
    for table in tables {
        file.destroy(table).unwrap();
    }
    // The sum is exact, as sizes and charges are powers of two.
    let mut size = 65536;
    while size > 0 {
        if file.create(size).is_err() {
            size /= 2;
        }
    }
    fdinfo::read(&file).contexts
}
