// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Rights`]: the rights of an exported descriptor.

/// The rights that [`TableRef::export`](crate::TableRef::export) gives to a new descriptor of a
/// table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rights {
    /// To read: READ, batches of READ and EXPECT, SNAPSHOT, GET_INFO, and mappings for reading.
    ReadOnly,
    /// To change the table's contexts as well, but not to destroy the table or make others.
    ReadWrite,
}
