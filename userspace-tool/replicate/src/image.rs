// SPDX-License-Identifier: MIT OR Apache-2.0

use sha2::{Digest as _, Sha256};

use crate::wire::MAX_POSITION;
use crate::{Delta, Entry, Error, Layout, NodeName, Record, Snapshot, Word};

/// All of a table but the state, as the agent knows it: nobody else changes that part.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Image {
    layout: Layout,
    /// From the shadow on: `words[0]` has the address n.
    words: Vec<u64>,
    /// The contexts of the outbox that aren't 0.
    outbox_used: usize,
    /// Their addresses, ascending, so that no message looks at all n. Those that are 0 again stay
    /// until all are.
    outbox: Vec<u32>,
}

impl Image {
    /// The image of a table, from the states of all its contexts at one moment.
    pub fn new(layout: Layout, contexts: &[u64]) -> Result<Self, Error> {
        if contexts.len() != layout.contexts() as usize {
            return Err(Error::Contexts {
                found: contexts.len(),
                expected: layout.contexts(),
            });
        }
        let words = contexts[layout.states() as usize..].to_vec();
        let words_of_outbox = &words[layout.states() as usize..];
        let outbox: Vec<_> = (0..layout.states())
            .filter(|&address| words_of_outbox[address as usize] != 0)
            .collect();
        let outbox_used = outbox.len();
        let image = Self {
            layout,
            words,
            outbox_used,
            outbox,
        };
        if outbox_used > Delta::MOST {
            return Err(Error::Overwritten {
                address: layout.outbox(0),
            });
        }
        for word in [Word::Position, Word::Taking] {
            if image.word(word) > MAX_POSITION {
                return Err(Error::Overwritten {
                    address: layout.word(word),
                });
            }
        }
        let written = |node| Record::from_words(image.record_words(node)).is_some();
        if let Some(node) = (0..layout.nodes()).find(|&node| !written(node)) {
            return Err(Error::Overwritten {
                address: layout.record(node),
            });
        }
        Ok(image)
    }

    /// The layout of the table.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The shadow of a context.
    pub fn shadow(&self, address: u32) -> u64 {
        self.at(self.layout.shadow(address))
    }

    /// The outbox of a context.
    pub fn outbox(&self, address: u32) -> u64 {
        self.at(self.layout.outbox(address))
    }

    /// The state that a context has where nothing of it is untold.
    pub fn accounted(&self, address: u32) -> u64 {
        self.shadow(address) ^ self.outbox(address)
    }

    /// A word of the agent.
    pub fn word(&self, word: Word) -> u64 {
        self.at(self.layout.word(word))
    }

    /// The record of a node.
    pub fn record(&self, node: u32) -> Record {
        Record::from_words(self.record_words(node)).unwrap_or_default()
    }

    /// The number of this table's own node. None: it hasn't joined.
    pub fn own_number(&self) -> Option<u32> {
        let own = self.word(Word::Incarnation);
        (0..self.layout.nodes()).find(|&node| own != 0 && self.record_words(node)[1] == own)
    }

    /// The number of the node that has this name.
    pub fn member(&self, name: NodeName) -> Option<u32> {
        let named = |record: &Record| record.member.is_some_and(|member| member.name == name);
        self.members()
            .find(|(_, record)| named(record))
            .map(|(node, _)| node)
    }

    /// The nodes that have joined, with their numbers.
    pub fn members(&self) -> impl Iterator<Item = (u32, Record)> + '_ {
        (0..self.layout.nodes())
            .map(|node| (node, self.record(node)))
            .filter(|(_, record)| record.member.is_some())
    }

    /// Whether a message is under way: the outbox has its deltas.
    pub fn sending(&self) -> bool {
        self.outbox_used != 0
    }

    /// SHA-256 of the [`Snapshot`] of this image: the same on all nodes at one position.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(Snapshot::of(self).encode()).into()
    }

    /// The deltas of the message that is under way.
    pub(crate) fn outbox_deltas(&self) -> Vec<Delta> {
        let delta = |&address: &u32| Delta {
            address,
            delta: self.outbox(address),
        };
        let deltas = self.outbox.iter().map(delta);
        deltas.filter(|delta| delta.delta != 0).collect()
    }

    /// Follows a batch that was applied.
    pub(crate) fn apply(&mut self, entries: &[Entry]) {
        for entry in entries {
            match *entry {
                Entry::Set { address, value } => self.change(address, |word| *word = value),
                Entry::Accum { address, delta } => self.change(address, |word| *word ^= delta),
                Entry::Expect { .. } | Entry::Read { .. } => {}
            }
        }
    }

    fn change(&mut self, address: u32, change: impl FnOnce(&mut u64)) {
        let states = self.layout.states();
        let Some(own) = address.checked_sub(states) else {
            return;
        };
        let word = &mut self.words[own as usize];
        let before = *word;
        change(word);
        let used = *word != 0;
        if !(2 * states..3 * states).contains(&address) || used == (before != 0) {
            return;
        }
        if used {
            self.outbox_used += 1;
            // Mostly behind the last one, as messages ascend.
            let address = address - 2 * states;
            if let Err(index) = self.outbox.binary_search(&address) {
                self.outbox.insert(index, address);
            }
        } else {
            self.outbox_used -= 1;
            if self.outbox_used == 0 {
                self.outbox.clear();
            }
        }
    }

    fn at(&self, address: u32) -> u64 {
        self.words[(address - self.layout.states()) as usize]
    }

    fn record_words(&self, node: u32) -> &[u64] {
        let first = (self.layout.record(node) - self.layout.states()) as usize;
        &self.words[first..first + Record::WORDS as usize]
    }
}
