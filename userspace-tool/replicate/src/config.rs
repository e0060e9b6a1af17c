// SPDX-License-Identifier: MIT OR Apache-2.0

use crate::{Layout, NodeName};

/// The facts that an agent is started with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    /// The name of the node.
    pub name: NodeName,
    /// The layout of its table.
    pub layout: Layout,
    /// A random number, not 0: the incarnation of the table, if it has none yet.
    pub incarnation: u64,
    /// A random number, not 0: that of the replicated table, if the log has none yet.
    pub table: u64,
    /// A snapshot is stored each so many messages, by one node after another. 0: never.
    pub snapshot_every: u64,
    /// Messages before the snapshot that the log keeps when it is cut, for nodes that are a little
    /// late.
    pub keep: u64,
}
