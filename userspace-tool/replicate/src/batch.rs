// SPDX-License-Identifier: MIT OR Apache-2.0

use crate::mistake::Mistake;
use crate::{Entry, Image, Layout, Word};

/// A batch of the agent under construction. It expects that no other batch of an agent has been
/// applied since, and counts as one itself.
pub(crate) struct Batch {
    layout: Layout,
    entries: Vec<Entry>,
}

impl Batch {
    pub fn new(image: &Image, mistake: Option<Mistake>) -> Self {
        let layout = image.layout();
        let (address, step) = (layout.word(Word::Step), image.word(Word::Step));
        let mut entries = Vec::new();
        if mistake != Some(Mistake::StepUnchecked) {
            entries.push(Entry::Expect {
                address,
                value: step,
            });
        }
        entries.push(Entry::Set {
            address,
            value: step.wrapping_add(1),
        });
        Self { layout, entries }
    }

    /// A batch that only reads.
    pub fn reading(image: &Image, addresses: &[u32]) -> Vec<Entry> {
        let (address, value) = (image.layout().word(Word::Step), image.word(Word::Step));
        let reads = addresses.iter().map(|&address| Entry::Read { address });
        std::iter::once(Entry::Expect { address, value })
            .chain(reads)
            .collect()
    }

    pub fn set(&mut self, address: u32, value: u64) {
        self.entries.push(Entry::Set { address, value });
    }

    pub fn word(&mut self, word: Word, value: u64) {
        self.set(self.layout.word(word), value);
    }

    pub fn record(&mut self, node: u32, record: crate::Record) {
        for (address, word) in (self.layout.record(node)..).zip(record.to_words()) {
            self.set(address, word);
        }
    }

    pub fn accum(&mut self, address: u32, delta: u64) {
        self.entries.push(Entry::Accum { address, delta });
    }

    pub fn finish(self) -> Vec<Entry> {
        self.entries
    }
}
