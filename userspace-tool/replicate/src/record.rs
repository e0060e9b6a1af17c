// SPDX-License-Identifier: MIT OR Apache-2.0

use crate::NodeName;

/// The record of a node: the same on all machines that have read the log up to the same position.
/// It stands in the table, [`Record::WORDS`] contexts for each node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Record {
    /// The position of the last message in the log that changed something for this node: a message
    /// of its deltas, its joining, or its removal. The node's next message names it. 0: never one.
    pub last: u64,
    /// The member that has this number. None: the number is free.
    pub member: Option<Member>,
}

/// A node that has joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Member {
    /// The name of the node.
    pub name: NodeName,
    /// The incarnation of the node's table. Not 0.
    pub incarnation: u64,
}

impl Record {
    /// The contexts that a record takes.
    pub const WORDS: u32 = 2 + NodeName::WORDS as u32;

    pub(crate) fn to_words(self) -> [u64; Self::WORDS as usize] {
        let mut words = [0; Self::WORDS as usize];
        words[0] = self.last;
        if let Some(Member { name, incarnation }) = self.member {
            words[1] = incarnation;
            words[2..].copy_from_slice(&name.to_words());
        }
        words
    }

    /// None where no agent has written these words.
    pub(crate) fn from_words(words: &[u64]) -> Option<Self> {
        let [last, incarnation, name @ ..] = words else {
            return None;
        };
        let member = match incarnation {
            0 if name.iter().all(|&word| word == 0) => None,
            0 => return None,
            &incarnation => Some(Member {
                name: NodeName::from_words(name)?,
                incarnation,
            }),
        };
        Some(Self {
            last: *last,
            member,
        })
    }
}
