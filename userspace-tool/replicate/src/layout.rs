// SPDX-License-Identifier: MIT OR Apache-2.0

use crate::{Error, Record};

/// The contexts of a replicated table, by address. It is one kernel table of
/// [`contexts`](Layout::contexts) contexts: the state, the shadow and the outbox, each of n; the
/// words of the agent; and the record of each node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Layout {
    states: u32,
    nodes: u32,
}

/// The words of the agent, which stand behind the outbox, in the order of their addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// How many batches agents have applied to this table. Each batch expects it and adds one, so
    /// that a batch of an agent that doesn't know of another's is refused as a whole.
    Step,
    /// The position in the log: that of the last message that the shadow has in it.
    Position,
    /// The number of this replicated table, from the log. 0: the log has not told it yet.
    Table,
    /// The position of the last message that founded the table, joined a node or removed one.
    Membership,
    /// The incarnation of this kernel table: a random number that isn't 0. 0: not chosen yet.
    Incarnation,
    /// The position of the snapshot that is being taken over. 0: none is.
    Taking,
}

impl Layout {
    /// The contexts of a kernel table.
    pub const CONTEXTS: u32 = 65_536;
    /// Nodes at most. All their records are set in one batch when a snapshot is taken over.
    pub const MAX_NODES: u32 = 256;
    /// Nodes where nobody asks for another number.
    pub const DEFAULT_NODES: u32 = 64;
    const WORDS: u32 = 6;

    /// The layout for `states` contexts of programs and at most `nodes` nodes.
    pub fn new(states: u32, nodes: u32) -> Result<Self, Error> {
        let most = Self::most_states(nodes);
        if states == 0 || nodes == 0 || nodes > Self::MAX_NODES || states > most {
            return Err(Error::Layout { states, nodes });
        }
        Ok(Self { states, nodes })
    }

    /// The most contexts of programs that a table for `nodes` nodes has room for: 21,630 for 64.
    pub const fn most_states(nodes: u32) -> u32 {
        (Self::CONTEXTS - Self::WORDS).saturating_sub(nodes.saturating_mul(Record::WORDS)) / 3
    }

    /// The contexts of programs, n. They have the addresses 0 to n - 1.
    pub fn states(self) -> u32 {
        self.states
    }

    /// The most nodes that the table can have, K.
    pub fn nodes(self) -> u32 {
        self.nodes
    }

    /// The contexts of the kernel table: 3n + 6 + 10K.
    pub fn contexts(self) -> u32 {
        3 * self.states + Self::WORDS + self.nodes * Record::WORDS
    }

    /// The address of the shadow of a context.
    pub fn shadow(self, address: u32) -> u32 {
        self.states + address
    }

    /// The address of the outbox of a context.
    pub fn outbox(self, address: u32) -> u32 {
        2 * self.states + address
    }

    /// The address of a word of the agent.
    pub fn word(self, word: Word) -> u32 {
        3 * self.states + word as u32
    }

    /// The address of the first word of a node's record.
    pub fn record(self, node: u32) -> u32 {
        3 * self.states + Self::WORDS + node * Record::WORDS
    }
}
