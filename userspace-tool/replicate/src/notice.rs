// SPDX-License-Identifier: MIT OR Apache-2.0

use crate::{FormatError, NodeName};

/// News for people: a line in the journal, or a figure of `status`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Notice {
    /// The message isn't one, and all nodes drop it.
    Damaged {
        /// Its position.
        position: u64,
        /// The damage.
        error: FormatError,
    },
    /// The message is of another replicated table, and is dropped.
    Foreign {
        /// Its position.
        position: u64,
        /// The number of its table.
        table: u64,
    },
    /// The message names a node or a context that the table hasn't. All nodes drop it.
    OutOfRange {
        /// Its position.
        position: u64,
    },
    /// A node wants to join, and all numbers are taken.
    Full {
        /// The position of its message.
        position: u64,
    },
    /// A node has joined.
    Joined {
        /// The position of its message.
        position: u64,
        /// Its number.
        node: u32,
        /// Its name.
        name: NodeName,
    },
    /// A node was removed, or left.
    Removed {
        /// The position of the message.
        position: u64,
        /// Its number.
        node: u32,
    },
    /// A node's digest. Nodes that give different ones for one position have different tables.
    Digest {
        /// The number of the node.
        node: u32,
        /// The position of the question.
        position: u64,
        /// The digest.
        digest: [u8; 32],
    },
    /// A snapshot has been taken over.
    TakenOver {
        /// Its position.
        position: u64,
    },
}
