// SPDX-License-Identifier: MIT OR Apache-2.0

/// A mistake that tests plant into an agent, to see that they find it. None is ever made outside of
/// the tests of this crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Mistake {
    /// The position moves in a batch of its own, behind that of the deltas.
    PositionApart,
    /// A node takes any message of its own, and only others drop the second copy.
    SenderKeepsDuplicates,
    /// A node takes any message of others, and only the sender drops the second copy.
    ReceiverKeepsDuplicates,
    /// The outbox is cleared when the log has acknowledged the message, not when it comes back.
    OutboxClearedEarly,
    /// A message is published before its deltas are in the outbox.
    PublishedBeforeOutbox,
    /// A snapshot is taken over as if the outbox were never in it.
    OutboxNotInSnapshot,
    /// A snapshot that is half taken over isn't marked, so that an older one may follow.
    TakingNotMarked,
    /// Joining doesn't begin a new chain of messages.
    JoinKeepsChain,
    /// A copy of an old message about members counts.
    MembershipUnchecked,
    /// Batches don't expect the number of the last one.
    StepUnchecked,
}
