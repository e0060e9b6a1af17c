// SPDX-License-Identifier: MIT OR Apache-2.0

//! What `/proc/PID/fdinfo/FD` says about an open file of the device.

use std::{
    fs,
    os::fd::{AsFd, AsRawFd},
};

/// The lines that the driver adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FdInfo {
    pub tables: u64,
    pub contexts: u64,
    pub bytes: u64,
    pub ops: u64,
    /// Id and number of contexts of each table.
    pub each: Vec<(u32, u32)>,
}

/// Reads the information about `file` in this process.
pub fn read(file: &impl AsFd) -> FdInfo {
    let path = format!("/proc/self/fdinfo/{}", file.as_fd().as_raw_fd());
    let text = fs::read_to_string(&path).expect("read fdinfo");
    let field = |name: &str| {
        let mut values = text
            .lines()
            .filter_map(|line| line.strip_prefix(name)?.strip_prefix(":\t"));
        let value = values.next().unwrap_or_else(|| panic!("{name} in {text}"));
        assert_eq!(values.next(), None);
        value.parse().expect("a number")
    };
    let each = text
        .lines()
        .filter_map(|line| line.strip_prefix("atomik-table:\t"))
        .map(|line| {
            let (id, contexts) = line.split_once(" contexts ").expect("a table's line");
            (id.parse().unwrap(), contexts.parse().unwrap())
        })
        .collect();
    FdInfo {
        tables: field("atomik-tables"),
        contexts: field("atomik-contexts"),
        bytes: field("atomik-bytes"),
        ops: field("atomik-ops"),
        each,
    }
}
