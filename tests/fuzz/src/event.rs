// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Event`]: a system call that was made, and its result.

use crate::{
    location::Location,
    program::{Access, Map, Other, Touch},
};
use atomik_test_support::fdinfo::{ExportInfo, FdInfo, WatchInfo};
use nix::errno::Errno;

/// Memory that was handed to the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Buffer {
    pub location: Location,
    /// Its bytes before the call.
    pub before: Vec<u8>,
}

/// A system call, as it was made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    Open(Access),
    Reopen(i32),
    Dup(i32),
    Pass(i32),
    Close(i32),
    /// Reads from a watch.
    Read(i32, Buffer),
    Poll(i32),
    FdInfo(i32),
    Other(i32, Other),
    /// Maps pages of the table with this id.
    Map(i32, u32, Map),
    /// Uses a context in the mapping that was made with this tag.
    Touch(u32, u32, Touch),
    /// Unmaps the mapping that was made with this tag.
    Unmap(u32),
    Ioctl {
        fd: i32,
        number: u32,
        arg: Buffer,
        /// The batch or the image that this address means.
        ops: Option<(u64, Buffer)>,
    },
}

impl Call {
    /// The descriptor that the call looks up first. It then works on the file.
    pub fn descriptor(&self) -> Option<i32> {
        match self {
            Self::Open(_) | Self::Close(_) | Self::Touch(..) | Self::Unmap(_) => None,
            Self::Reopen(fd)
            | Self::Dup(fd)
            | Self::Pass(fd)
            | Self::Read(fd, _)
            | Self::Poll(fd)
            | Self::FdInfo(fd)
            | Self::Other(fd, _)
            | Self::Map(fd, ..)
            | Self::Ioctl { fd, .. } => Some(*fd),
        }
    }
}

/// The result of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Result of a call that returns a descriptor, events or nothing.
    Result(Result<i32, Errno>),
    /// How many bytes were read, and the buffer's bytes after it.
    Read(Result<usize, Errno>, Vec<u8>),
    /// The state before a touch, where it tells something.
    State(Option<u64>),
    Ioctl {
        result: Result<(), Errno>,
        /// The buffers' bytes after the call.
        arg: Vec<u8>,
        ops: Vec<u8>,
    },
    /// None where the file is not the driver's.
    FdInfo(Option<FdInfo>),
    /// The same of an exported descriptor.
    ExportInfo(ExportInfo),
    /// The same of a watch.
    WatchInfo(WatchInfo),
}

/// A call and its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub call: Call,
    pub seen: Seen,
    /// The name of a file that the call opens, or of a mapping that it makes; unique in a program.
    pub tag: u32,
    /// Times that the call was made, with the same result each time: more than once only of ACCUMs.
    /// Through a mapping, an odd number.
    pub times: u32,
}
