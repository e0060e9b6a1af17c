// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Operation`]: the operation that an error is about.

use std::fmt;

/// The operation that an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// Making a table.
    CreateTable,
    /// Removing a table.
    DestroyTable,
    /// Setting a context's state.
    Load,
    /// Applying a delta to a context.
    Accum,
    /// Reading a context's state.
    Read,
    /// Starting a new epoch of a context.
    Swap,
    /// Many operations as one.
    Batch,
    /// A condition of a batch.
    Expect,
    /// Setting a context's state, and keeping its reference.
    Set,
    /// Asking the driver about itself.
    GetInfo,
    /// Copying contexts out of a table, as they are at one moment.
    Snapshot,
    /// Setting contexts of a table, all at one moment.
    Restore,
    /// Making a descriptor that tells of changes.
    Watch,
    /// Reading that descriptor.
    ReadWatch,
    /// Telling those who watch a table of changes.
    Touch,
    /// Making a descriptor of one table.
    Export,
    /// Mapping a table's states.
    Map,
    /// Sending a descriptor over a socket.
    Send,
    /// Receiving a descriptor over a socket.
    Receive,
    /// Duplicating the descriptor.
    Duplicate,
    /// Reading what `/proc` says about the descriptor.
    Usage,
    /// Choosing a stream's sender.
    Random,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CreateTable => "CREATE_TABLE",
            Self::DestroyTable => "DESTROY_TABLE",
            Self::Load => "LOAD",
            Self::Accum => "ACCUM",
            Self::Read => "READ",
            Self::Swap => "SWAP",
            Self::Batch => "BATCH",
            Self::Expect => "EXPECT",
            Self::Set => "SET",
            Self::GetInfo => "GET_INFO",
            Self::Snapshot => "SNAPSHOT",
            Self::Restore => "RESTORE",
            Self::Watch => "WATCH",
            Self::ReadWatch => "reading a watch",
            Self::Touch => "TOUCH",
            Self::Export => "EXPORT",
            Self::Map => "mmap",
            Self::Send => "sending a descriptor",
            Self::Receive => "receiving a descriptor",
            Self::Duplicate => "dup",
            Self::Usage => "reading fdinfo",
            Self::Random => "getrandom",
        })
    }
}
