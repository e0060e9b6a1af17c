// SPDX-License-Identifier: MIT OR Apache-2.0

use crate::NodeName;

/// An event that an agent is told of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// After [`Action::Load`](crate::Action::Load): the states of all contexts of the table, of one
    /// moment, as SNAPSHOT gives them.
    Loaded(Vec<u64>),
    /// After [`Action::Batch`](crate::Action::Batch): the batch was applied.
    Applied {
        /// The states that its READs found, in their order.
        values: Vec<u64>,
    },
    /// After `Action::Batch`: an EXPECT didn't hold (ECANCELED). Nothing has changed.
    Refused,
    /// There is a connection to the log. Also after a break that nobody noticed before its end.
    Connected {
        /// The position of the first message that the log still has; of an empty log, the position
        /// of the next one.
        first: u64,
        /// The position of the last message that the log has; of a log that never had one, 0.
        last: u64,
    },
    /// The connection is gone. Answers to what was asked before aren't given any more: a message
    /// that was being published may be in the log, or not.
    Disconnected,
    /// The next message of the log, while [`Agent::reading`](crate::Agent::reading).
    Message {
        /// Its position.
        position: u64,
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// The log has been cut meanwhile.
    LogBegins {
        /// The position of the first message that it still has.
        first: u64,
    },
    /// After [`Action::Publish`](crate::Action::Publish): the log has the message.
    Published {
        /// Its position.
        position: u64,
    },
    /// After `Action::Publish`: no answer, or a refusal. The message may be in the log, or come
    /// late. The agent publishes again at once: give this when it is time to.
    NotPublished,
    /// The watch of the state told of these contexts.
    Changed {
        /// Their addresses.
        addresses: Vec<u32>,
    },
    /// After [`Action::FetchSnapshot`](crate::Action::FetchSnapshot): the stored snapshot of the
    /// highest position; none if the store has none. Where the store doesn't answer, ask it again.
    Snapshot(Option<Vec<u8>>),
    /// After [`Action::StoreSnapshot`](crate::Action::StoreSnapshot): it is stored for good. If it
    /// couldn't be, nothing needs to be told.
    SnapshotStored {
        /// Its position.
        position: u64,
    },
    /// Somebody wants the nodes compared.
    Verify {
        /// A random number, by which the answers are known.
        question: u64,
    },
    /// Somebody wants a node removed.
    Remove {
        /// Its name.
        name: NodeName,
    },
    /// Somebody wants this node to leave: it tells what is untold, and then that it has left.
    Leave,
    /// A signal to stop. The next agent goes on where this one is.
    Stop,
}
