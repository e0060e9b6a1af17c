// SPDX-License-Identifier: MIT OR Apache-2.0

use crate::{Ended, Entry, Error, Notice};

/// A thing that an agent wants done. Actions are done in their order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Read all contexts of the table at one moment; then [`Event::Loaded`](crate::Event::Loaded).
    /// The watch of the state must exist before.
    Load,
    /// Apply this batch to the table; then [`Event::Applied`](crate::Event::Applied) or
    /// [`Event::Refused`](crate::Event::Refused). At most [`Entry::MOST`] entries.
    Batch(Vec<Entry>),
    /// Give the messages of the log from this position on, instead of any that were asked for
    /// before, as [`Event::Message`](crate::Event::Message).
    Follow {
        /// The position of the first.
        from: u64,
    },
    /// Publish this message; then [`Event::Published`](crate::Event::Published) or
    /// [`Event::NotPublished`](crate::Event::NotPublished).
    Publish(Vec<u8>),
    /// Fetch the stored snapshot of the highest position; then
    /// [`Event::Snapshot`](crate::Event::Snapshot).
    FetchSnapshot,
    /// Store this snapshot under its position, beside the others; then
    /// [`Event::SnapshotStored`](crate::Event::SnapshotStored).
    StoreSnapshot {
        /// Its position.
        position: u64,
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// The messages before this position, and the snapshots of positions before the newest two, may
    /// be deleted.
    Cut {
        /// The position of the first message to keep.
        first: u64,
    },
    /// Tell people.
    Notice(Notice),
    /// The agent has ended, and does nothing more.
    End(Result<Ended, Error>),
}
