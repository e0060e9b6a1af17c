// SPDX-License-Identifier: MIT OR Apache-2.0

/// A thing that happens in the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// A program on a node changes a context.
    Change { node: usize, address: u32 },
    /// An agent is started on a node's table: the second one is one too many.
    Start { node: usize, slot: usize },
    /// An agent does the first of what it has to do.
    Act { node: usize, slot: usize },
    /// An agent's watch tells it of the changes.
    Tell { node: usize, slot: usize },
    /// An agent reads the next message of the log.
    Read { node: usize, slot: usize },
    /// A message that was published gets into the log.
    Deliver { message: usize },
    /// Faults from here on. As `Deliver`, and the message will come again.
    Repeat { message: usize },
    /// The publisher gives up waiting; the message may still come.
    Late { message: usize },
    /// The message is lost.
    Lose { message: usize },
    /// An agent dies.
    Kill { node: usize, slot: usize },
    /// An agent's connection breaks, and is there again.
    Break { node: usize, slot: usize },
    /// A node boots, for the first time or again: it has a new table.
    Boot { node: usize },
    /// The next snapshot that is fetched is the oldest in the store, not the newest.
    Stale,
    /// Bytes that are no message get into the log.
    Garbage,
    /// A node shall leave.
    Leave { node: usize },
    /// The first node shall have this one removed.
    Remove { node: usize },
    /// The first node shall have all compared.
    Verify,
}

impl Step {
    /// Whether this isn't the usual course.
    pub fn is_fault(&self) -> bool {
        !matches!(
            self,
            Self::Change { .. }
                | Self::Start { slot: 0, .. }
                | Self::Act { .. }
                | Self::Tell { .. }
                | Self::Read { .. }
                | Self::Deliver { .. }
        )
    }
}
