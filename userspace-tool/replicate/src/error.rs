// SPDX-License-Identifier: MIT OR Apache-2.0

use crate::{FormatError, Layout, NodeName};

/// The reason why an agent stops. Its table stays as it is: nothing is half done.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Error {
    /// A layout that no table can have.
    #[error(
        "a replicated table can't have {states} contexts and {nodes} nodes: 1 to {} nodes, and 1 \
         to {} contexts with so many",
        Layout::MAX_NODES, Layout::most_states(*nodes)
    )]
    Layout {
        /// The contexts.
        states: u32,
        /// The nodes.
        nodes: u32,
    },
    /// The kernel's table has another size.
    #[error(
        "the table has {found} contexts and not {expected}: it is no replicated table of this \
             layout"
    )]
    Contexts {
        /// Its contexts.
        found: usize,
        /// Those of the layout.
        expected: u32,
    },
    /// Words of the agent that no agent has written.
    #[error("a program has written to context {address}, which is the agent's: make a new table")]
    Overwritten {
        /// The first context of the record that can't be one.
        address: u32,
    },
    /// Another agent serves this kernel table.
    #[error("another agent has changed this table: let only one run")]
    OtherAgent,
    /// The log has a table of another layout.
    #[error(
        "the replicated table has {} contexts and {} nodes, this one {} and {}: make it alike",
        found.states(), found.nodes(), own.states(), own.nodes()
    )]
    DoesNotFit {
        /// The layout of the log.
        found: Layout,
        /// The layout of this kernel table.
        own: Layout,
    },
    /// Snapshot and table are of different replicated tables.
    #[error("the snapshot is of the replicated table {found:#x}, and this one is {own:#x}")]
    OtherTable {
        /// The number in the snapshot.
        found: u64,
        /// The number in the table.
        own: u64,
    },
    /// The table has joined under another name than that of the configuration.
    #[error(
        "this table has joined as {joined}, not under the name wanted now: leave first, or take \
         a new table"
    )]
    OtherName {
        /// The name in the log.
        joined: NodeName,
    },
    /// Another table has taken the name.
    #[error(
        "another table joined as {name} at position {position}: two nodes have one name. Changes \
         made here since aren't told to anybody; join with a new table under another name"
    )]
    Superseded {
        /// The name of both.
        name: NodeName,
        /// The position of the message, or of the snapshot that tells.
        position: u64,
    },
    /// Somebody removed this node.
    #[error("the node {name} was removed at position {position}: join with a new table")]
    Removed {
        /// The name of this node.
        name: NodeName,
        /// The position of the message, or of the snapshot that tells.
        position: u64,
    },
    /// No number is free.
    #[error("the replicated table has {nodes} nodes, all it can have: remove one")]
    Full {
        /// The nodes.
        nodes: u32,
    },
    /// The log has a message that this program is too old for.
    #[error("the message at position {position} can't be read: {error}")]
    Message {
        /// Its position.
        position: u64,
        /// The version.
        #[source]
        error: FormatError,
    },
    /// The newest snapshot can't be read.
    #[error("the newest snapshot can't be read: {0}")]
    Snapshot(#[source] FormatError),
    /// The log begins behind the position, and no snapshot leads there.
    #[error(
        "messages {} to {} are gone from the log, and no snapshot has them: {}",
        position + 1, needed, match newest { Some(p) => format!("the newest is of {p}"), None =>
        "there is none".to_owned() }
    )]
    Gap {
        /// The position of the table.
        position: u64,
        /// The position that a snapshot must have at least.
        needed: u64,
        /// The position of the newest.
        newest: Option<u64>,
    },
    /// The log is shorter than what was read of it.
    #[error(
        "the log ends at position {last}, and this table has read it up to {position}: the log \
         lost messages or is another. Restore it, or join with a new table"
    )]
    LogWentBack {
        /// The last position of the log.
        last: u64,
        /// The position of the table.
        position: u64,
    },
    /// A message that counted elsewhere didn't here.
    #[error(
        "the message at position {position} follows one at {previous} that this node has not seen: \
         its log isn't that of the others. Join with a new table"
    )]
    Missed {
        /// The position of the message that tells.
        position: u64,
        /// The position of the one that was missed.
        previous: u64,
    },
}
