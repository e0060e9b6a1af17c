// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Usage`]: the tables and counters of an open file, from `/proc/PID/fdinfo/FD`.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::{Error, Operation, Result, Rights};

/// The tables of an open file of the device, and its counters: from
/// [`Device::usage`](crate::Device::usage), or read by an operator in `/proc/PID/fdinfo/FD`.
///
/// An [exported](crate::TableRef::export) descriptor has its one table, until that is destroyed.
/// `bytes` are those of the descriptor itself, and `ops` is 0: what it does counts for the open
/// file that the table belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// Bytes of kernel memory that count against the module's limit.
    pub bytes: u64,
    /// Operations served on this file. Entries of batches and contexts of images count one by one.
    pub ops: u64,
    /// The tables, in the order of their places in the file.
    pub tables: Vec<TableUsage>,
    /// The rights of an exported descriptor; none where it is one of the device.
    pub export: Option<Rights>,
}

/// A table of an open file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TableUsage {
    /// The table's id.
    pub id: u32,
    /// Its number of contexts.
    pub contexts: u32,
}

impl Usage {
    /// Reads the usage of a descriptor of this process.
    pub(crate) fn of(fd: BorrowedFd<'_>) -> Result<Self> {
        let failed = |source| Error::Os {
            op: Operation::Usage,
            table: None,
            source,
        };
        let path = format!("/proc/self/fdinfo/{}", fd.as_raw_fd());
        let text = std::fs::read_to_string(path).map_err(failed)?;
        Self::parse(&text).ok_or_else(|| failed(io::ErrorKind::InvalidData.into()))
    }

    /// The number of contexts of all tables together.
    pub fn contexts(&self) -> u64 {
        self.tables.iter().map(|t| u64::from(t.contexts)).sum()
    }

    /// Parses the text of an `fdinfo` file; none where it isn't one of an atomik device.
    ///
    /// ```
    /// let text = "pos:\t0\natomik-bytes:\t5120\natomik-ops:\t8\natomik-table:\t1 contexts 256\n";
    /// let usage = atomik::Usage::parse(text).unwrap();
    /// assert_eq!((usage.ops, usage.contexts()), (8, 256));
    /// assert_eq!(atomik::Usage::parse("pos:\t0\n"), None);
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let mut usage = Self::default();
        let mut ops = None;
        for line in text.lines() {
            let Some((name, value)) = line.split_once(":\t") else {
                continue;
            };
            match name {
                "atomik-bytes" => usage.bytes = value.parse().ok()?,
                "atomik-ops" => ops = Some(value.parse().ok()?),
                "atomik-export" => {
                    usage.export = Some(match value.split_once(' ')?.1 {
                        "read-only" => Rights::ReadOnly,
                        "read-write" => Rights::ReadWrite,
                        _ => return None,
                    });
                }
                "atomik-table" => {
                    let (id, contexts) = value.split_once(" contexts ")?;
                    usage.tables.push(TableUsage {
                        id: id.parse().ok()?,
                        contexts: contexts.parse().ok()?,
                    });
                }
                _ => {}
            }
        }
        match (ops, usage.export) {
            (Some(ops), _) => usage.ops = ops,
            (None, Some(_)) => {}
            (None, None) => return None,
        }
        Some(usage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "pos:\t0\nflags:\t02100002\nmnt_id:\t15\natomik-tables:\t2\n\
        atomik-contexts:\t1024\natomik-bytes:\t20992\natomik-ops:\t18446744073709551615\n\
        atomik-table:\t1 contexts 1000\natomik-table:\t2 contexts 24\n";

    #[test]
    fn finds_the_tables() {
        let usage = Usage::parse(TEXT).unwrap();
        let tables: Vec<_> = usage.tables.iter().map(|t| (t.id, t.contexts)).collect();
        assert_eq!(tables, [(1, 1000), (2, 24)]);
        assert_eq!((usage.bytes, usage.ops), (20992, u64::MAX));
        assert_eq!(usage.contexts(), 1024);
    }

    #[test]
    fn an_exported_table() {
        let text = "pos:\t0\natomik-export:\t7 read-only\natomik-bytes:\t96\n\
            atomik-table:\t7 contexts 24\n";
        let usage = Usage::parse(text).unwrap();
        assert_eq!(usage.export, Some(Rights::ReadOnly));
        assert_eq!((usage.tables[0].id, usage.contexts()), (7, 24));
        assert_eq!((usage.bytes, usage.ops), (96, 0));
        // After the table was destroyed.
        let usage = Usage::parse("atomik-export:\t7 read-write\n").unwrap();
        assert_eq!(usage.export, Some(Rights::ReadWrite));
        assert!(usage.tables.is_empty());
        for text in ["atomik-export:\t7 other\n", "atomik-export:\t7\n"] {
            assert_eq!(Usage::parse(text), None);
        }
        assert_eq!(Usage::parse(TEXT).unwrap().export, None);
    }

    #[test]
    fn other_files_and_other_text_are_none() {
        assert_eq!(Usage::parse(""), None);
        assert_eq!(Usage::parse("pos:\t0\nflags:\t02\n"), None);
        assert_eq!(Usage::parse("atomik-ops:\tmany\n"), None);
        assert_eq!(Usage::parse(&TEXT.replace("1 contexts 1000", "1")), None);
    }
}
