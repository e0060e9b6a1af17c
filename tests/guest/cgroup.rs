// SPDX-License-Identifier: MIT OR Apache-2.0

//! Table memory is charged to the caller's memory cgroup.

use atomik_test_support::{
    raw::{RawFile, load, open_device, read},
    task,
};
use nix::errno::Errno;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A cgroup with a limit on its memory, removed when dropped.
struct Cgroup(PathBuf);

impl Cgroup {
    fn new(name: &str, memory_max: u64) -> Self {
        let path = Path::new("/sys/fs/cgroup").join(format!("atomik-{name}"));
        fs::create_dir(&path).expect("make a cgroup");
        let cgroup = Self(path);
        cgroup.write("memory.max", &memory_max.to_string());
        cgroup
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.0.join(file);
        fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// Moves the calling process into the cgroup.
    fn enter(&self) {
        self.write("cgroup.procs", "0");
    }

    fn current(&self) -> u64 {
        let text = fs::read_to_string(self.0.join("memory.current")).expect("memory.current");
        text.trim().parse().expect("a number")
    }

    /// Number of its processes that were killed for lack of memory.
    fn killed(&self) -> u64 {
        let text = fs::read_to_string(self.0.join("memory.events")).expect("memory.events");
        let line = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
        line.expect("oom_kill").parse().expect("a number")
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

const MIB: u64 = 1 << 20;

/// Creates tables of 1 MiB until that fails.
fn create_all(file: &RawFile) -> (Vec<u32>, Errno) {
    let mut tables = Vec::new();
    loop {
        match file.create(65536) {
            Ok(table) => tables.push(table),
            Err(error) => return (tables, error),
        }
    }
}

#[test]
fn the_cgroup_bears_the_tables() {
    let cgroup = Cgroup::new("charge", 64 * MIB);
    let file = open_device();
    task::run(|| {
        cgroup.enter();
        let before = cgroup.current();
        for _ in 0..8 {
            file.create(65536).unwrap();
        }
        let charged = cgroup.current() - before;
        // The kernel charges many pages at once, hence the slack.
        assert!(charged >= 8 * MIB - MIB / 2, "{charged} bytes charged");
    });
}

/// The watcher's, and not that of who made the table.
#[test]
fn the_cgroup_bears_the_watches() {
    const WATCHES: u64 = 500;
    /// A bit for each context.
    const MARKS: u64 = 65536 / 8;
    let cgroup = Cgroup::new("watches", 64 * MIB);
    let file = open_device();
    let table = file.create(65536).unwrap();
    task::run(|| {
        cgroup.enter();
        let before = cgroup.current();
        let watches = (0..WATCHES).map(|_| file.watch(table, 0, 65536, 0).unwrap());
        let watches: Vec<_> = watches.collect();
        let charged = cgroup.current() - before;
        assert!(
            charged >= WATCHES * MARKS - MIB / 2,
            "{charged} bytes charged"
        );
        drop(watches);
    });
}

#[test]
fn enomem_where_the_cgroup_is_exhausted() {
    let cgroup = Cgroup::new("limit", 12 * MIB);
    let outside = open_device();
    let spare = outside.create(65536).unwrap();
    task::run(|| {
        cgroup.enter();
        let file = open_device();
        let (tables, error) = create_all(&file);
        assert_eq!(error, Errno::ENOMEM);
        assert!((2..12).contains(&tables.len()), "{} tables", tables.len());
        // Existing tables work on, and freed memory can be had again.
        for &table in &tables {
            file.load(table, 65535, 7).unwrap();
            assert_eq!(file.read(table, 65535), Ok(7));
        }
        for &table in &tables {
            file.destroy(table).unwrap();
        }
        let (again, error) = create_all(&file);
        assert_eq!(error, Errno::ENOMEM);
        assert!(again.len() + 2 >= tables.len());
        // Nobody else suffers.
        outside.load(spare, 1, 2).unwrap();
        outside.batch(spare, &mut [load(0, 1), read(0)]).unwrap();
    });
    assert_eq!(cgroup.killed(), 0);
    outside.create(65536).unwrap();
}
