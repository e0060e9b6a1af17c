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
#[derive(Debug)]
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
