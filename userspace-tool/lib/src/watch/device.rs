// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`DeviceWatch`]: what the kernel tells of a table.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::unistd;

use super::Change;
use crate::ioctl::uninterrupted;
use crate::{Error, Operation, Result};

/// The bytes of a `struct atomik_change`.
const RECORD: usize = size_of::<atomik_uapi::Change>();

/// The descriptor of a watch on a table of the device.
pub(crate) struct DeviceWatch {
    descriptor: OwnedFd,
    table: u32,
    /// Room for a record of each context: so one read tells everything, of one moment. Memory that
    /// the kernel never writes to takes none of the machine's.
    records: Box<[u8]>,
}

impl DeviceWatch {
    /// `descriptor` is a non-blocking one of `count` contexts of the table with this id.
    pub(crate) fn new(descriptor: OwnedFd, table: u32, count: u32) -> Self {
        Self {
            descriptor,
            table,
            records: vec![0; count as usize * RECORD].into(),
        }
    }

    /// Replaces `changes` by those that there are to tell: none once the table is gone. Returns
    /// false, and leaves them, where there is nothing to tell now.
    pub(super) fn take(&mut self, changes: &mut Vec<Change>) -> Result<bool> {
        let length = match uninterrupted(|| unistd::read(&self.descriptor, &mut self.records)) {
            Ok(length) => length,
            Err(Errno::EAGAIN) => return Ok(false),
            Err(Errno::ENOMEM) => {
                return Err(Error::OutOfMemory {
                    op: Operation::ReadWatch,
                });
            }
            Err(errno) => return Err(Error::other(Operation::ReadWatch, Some(self.table), errno)),
        };
        let told = self.records.get(..length).unwrap_or(&[]);
        changes.clear();
        changes.extend(told.chunks_exact(RECORD).filter_map(change));
        Ok(true)
    }
}

impl AsFd for DeviceWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// A record as the kernel wrote it: the address, four bytes of zeros, the state.
fn change(record: &[u8]) -> Option<Change> {
    let (addr, rest) = record.split_first_chunk()?;
    Some(Change {
        addr: u32::from_ne_bytes(*addr),
        state: u64::from_ne_bytes(*rest.last_chunk()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    #[test]
    fn records_are_read_as_the_kernel_writes_them() {
        let (kernel, ours) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let mut watch = DeviceWatch::new(ours.into(), 7, 2);
        let mut changes = vec![Change { addr: 9, state: 9 }];
        assert!(!watch.take(&mut changes).unwrap());
        assert_eq!(changes.len(), 1);
        for (addr, state) in [(1u32, 5u64), (65535, u64::MAX), (2, 6)] {
            let record = [&addr.to_ne_bytes()[..], &[0; 4], &state.to_ne_bytes()[..]];
            (&kernel).write_all(&record.concat()).unwrap();
        }
        let mut told = |watch: &mut DeviceWatch| {
            assert!(watch.take(&mut changes).unwrap());
            (changes.iter().map(|c| (c.addr, c.state))).collect::<Vec<_>>()
        };
        // As many as there is room for; the rest by the next read.
        assert_eq!(told(&mut watch), [(1, 5), (65535, u64::MAX)]);
        assert_eq!(told(&mut watch), [(2, 6)]);
        drop(kernel);
        assert_eq!(told(&mut watch), []);
        assert_eq!(told(&mut watch), []);
    }

    #[test]
    fn errors_of_reading_name_the_table() {
        let directory = std::fs::File::open("/").unwrap();
        let mut changes = vec![Change { addr: 9, state: 9 }];
        let error = DeviceWatch::new(directory.into(), 7, 1)
            .take(&mut changes)
            .unwrap_err();
        assert_eq!(error.to_string(), "reading a watch on table 7 failed");
        assert_eq!(error.errno(), Some(Errno::EISDIR as i32));
        assert_eq!(changes.len(), 1);
    }
}
