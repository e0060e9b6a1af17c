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
    pub watches: u64,
    /// Id and number of contexts of each table.
    pub each: Vec<(u32, u32)>,
}

/// The driver's lines of an exported descriptor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportInfo {
    pub table: u32,
    pub writable: bool,
    pub bytes: u64,
    /// Number of contexts, where the table is there.
    pub contexts: Option<u32>,
}

/// The driver's lines of a watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchInfo {
    pub table: u32,
    pub addr: u32,
    pub count: u32,
    /// How many contexts there are to tell of.
    pub changed: u32,
    pub bytes: u64,
    /// Number of contexts, where the table is there.
    pub contexts: Option<u32>,
}

/// Finds the lines that the driver adds for a watch.
pub fn parse_watch(text: &str) -> WatchInfo {
    let words: Vec<&str> = field(text, "atomik-watch").split(' ').collect();
    let number = |text: &str| text.parse().expect("a number");
    let &[table, "addr", addr, "count", count] = &*words else {
        panic!("{words:?}");
    };
    WatchInfo {
        table: number(table),
        addr: number(addr),
        count: number(count),
        changed: number(field(text, "atomik-changed")),
        bytes: field(text, "atomik-bytes").parse().expect("a number"),
        contexts: tables(text).next().map(|(_, contexts)| contexts),
    }
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
    let number = |name| field(text, name).parse().expect("a number");
    FdInfo {
        tables: number("atomik-tables"),
        contexts: number("atomik-contexts"),
        bytes: number("atomik-bytes"),
        ops: number("atomik-ops"),
        watches: number("atomik-watches"),
        each: tables(text).collect(),
    }
}

/// Finds the lines that the driver adds for an exported descriptor.
pub fn parse_export(text: &str) -> ExportInfo {
    let (id, rights) = field(text, "atomik-export")
        .split_once(' ')
        .expect("a table and rights");
    let table = id.parse().expect("a table");
    let mut tables = tables(text);
    let contexts = tables.next().map(|(id, contexts)| {
        assert_eq!(id, table);
        contexts
    });
    assert_eq!(tables.next(), None);
    ExportInfo {
        table,
        writable: match rights {
            "read-write" => true,
            "read-only" => false,
            _ => panic!("{rights}"),
        },
        bytes: field(text, "atomik-bytes").parse().expect("a number"),
        contexts,
    }
}

/// The value of the one line with this name.
fn field<'a>(text: &'a str, name: &str) -> &'a str {
    let mut values = text
        .lines()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix(":\t"));
    let value = values.next().unwrap_or_else(|| panic!("{name} in {text}"));
    assert_eq!(values.next(), None);
    value
}

/// Id and number of contexts of each table that has a line.
fn tables(text: &str) -> impl Iterator<Item = (u32, u32)> {
    text.lines()
        .filter_map(|line| line.strip_prefix("atomik-table:\t"))
        .map(|line| {
            let (id, contexts) = line.split_once(" contexts ").expect("a table's line");
            (id.parse().unwrap(), contexts.parse().unwrap())
        })
}
