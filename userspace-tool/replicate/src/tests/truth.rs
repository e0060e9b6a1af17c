// SPDX-License-Identifier: MIT OR Apache-2.0

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::{Body, Message};

/// The table whose agent wrote a message, and the position that it had read up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Author {
    pub incarnation: u64,
    pub position: u64,
}

/// The meaning of the log up to one position, by other rules than those of the agents: the log
/// holds messages that differ, and each that the node's present table wrote is in once.
#[derive(Clone, Default)]
pub struct Truth {
    table: u64,
    membership: u64,
    pub shadow: BTreeMap<u32, u64>,
    /// For each number the incarnation, and the position where it joined.
    pub members: BTreeMap<u32, (u64, u64)>,
    names: BTreeMap<u32, String>,
    /// For each incarnation the XOR of what it told, by context.
    told: BTreeMap<u64, BTreeMap<u32, u64>>,
    seen: BTreeSet<Rc<[u8]>>,
}

impl Truth {
    /// After one more message.
    pub fn after(&self, position: u64, author: Author, bytes: &[u8]) -> Self {
        let mut next = self.clone();
        match Message::decode(bytes) {
            Ok(message) if next.table == 0 => {
                if let Body::Found { .. } = message.body {
                    next.table = message.table;
                    next.membership = position;
                }
            }
            Ok(message) if message.table == next.table => {
                next.message(position, author, message, bytes);
            }
            _ => {}
        }
        next
    }

    pub fn told(&self, incarnation: u64, address: u32) -> u64 {
        self.told
            .get(&incarnation)
            .and_then(|told| told.get(&address))
            .copied()
            .unwrap_or(0)
    }

    fn message(&mut self, position: u64, author: Author, message: Message, bytes: &[u8]) {
        match message.body {
            Body::Join {
                membership,
                incarnation,
                name,
            } if membership == self.membership => {
                let name = name.to_string();
                let named = self.names.iter().find(|(_, other)| **other == name);
                let free = (0..).find(|node| !self.names.contains_key(node));
                let node = named.map(|(&node, _)| node).or(free).unwrap();
                self.members.insert(node, (incarnation, position));
                self.names.insert(node, name);
                self.membership = position;
            }
            Body::Remove {
                membership, node, ..
            } if membership == self.membership => {
                self.members.remove(&node);
                self.names.remove(&node);
                self.membership = position;
            }
            Body::Deltas { node, deltas, .. } => {
                let Some(&(incarnation, joined)) = self.members.get(&node) else {
                    return;
                };
                let late = author.incarnation != incarnation || author.position < joined;
                if late || !self.seen.insert(bytes.into()) {
                    return;
                }
                let told = self.told.entry(incarnation).or_default();
                for delta in deltas {
                    *told.entry(delta.address).or_default() ^= delta.delta;
                    *self.shadow.entry(delta.address).or_default() ^= delta.delta;
                }
            }
            _ => {}
        }
    }
}
