// SPDX-License-Identifier: MIT OR Apache-2.0

//! The driver's lines in `/proc/PID/fdinfo/FD` of an open file.

use std::{
    fs, io,
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
    let text = text(file.as_fd().as_raw_fd()).expect("read fdinfo");
    parse(&text)
}

/// Reads all lines about a descriptor of this process.
pub fn text(descriptor: i32) -> io::Result<String> {
    fs::read_to_string(format!("/proc/self/fdinfo/{descriptor}"))
}

/// Finds the lines that the driver adds.
pub fn parse(text: &str) -> FdInfo {
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
