// SPDX-License-Identifier: MIT OR Apache-2.0

use std::collections::{BTreeSet, VecDeque};

use crate::{Action, Agent, Entry, Layout, Record, Word};

/// A machine of the world: a table in its kernel, and agents.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Node {
    pub name: &'static str,
    /// None: it has not booted yet.
    pub table: Option<Table>,
    pub boots: u64,
    pub agents: [Option<Running>; 2],
    /// It left, or stopped with an error that is meant for it: nobody starts its agent again.
    pub out: bool,
}

/// An agent, what it has to do, and the watch that it holds.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Running {
    pub agent: Agent,
    pub todo: VecDeque<Action>,
    pub changed: BTreeSet<u32>,
}

/// A table of a kernel: it outlives agents, but no reboot.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Table {
    pub layout: Layout,
    pub contexts: Vec<u64>,
    /// The XOR of all that programs changed, by context: nobody but the test knows it.
    pub made: Vec<u64>,
}

impl Table {
    pub fn new(layout: Layout) -> Self {
        let made = vec![0; layout.states() as usize];
        Self {
            layout,
            contexts: vec![0; layout.contexts() as usize],
            made,
        }
    }

    pub fn at(&self, address: u32) -> u64 {
        self.contexts[address as usize]
    }

    pub fn word(&self, word: Word) -> u64 {
        self.at(self.layout.word(word))
    }

    /// The replicated part: the shadow, and what stands in it of the nodes.
    pub fn replicated(&self) -> (&[u64], &[u64]) {
        let (states, records) = (self.layout.states(), self.layout.record(0));
        let shadow = &self.contexts[states as usize..2 * states as usize];
        (shadow, &self.contexts[records as usize..])
    }

    /// The number under which this very table has joined.
    pub fn own_number(&self) -> Option<u32> {
        let own = self.word(Word::Incarnation);
        (0..self.layout.nodes())
            .find(|&node| own != 0 && self.at(self.layout.record(node) + 1) == own)
    }

    /// A batch, as the driver does it: None where an EXPECT doesn't hold, else what its READs
    /// found.
    pub fn batch(&mut self, entries: &[Entry]) -> Option<Vec<u64>> {
        assert!(
            entries.len() <= Entry::MOST,
            "a batch of {} entries",
            entries.len()
        );
        let holds = |entry: &Entry| match *entry {
            Entry::Expect { address, value } => self.at(address) == value,
            _ => true,
        };
        if !entries.iter().all(holds) {
            return None;
        }
        let mut values = Vec::new();
        for entry in entries {
            match *entry {
                Entry::Expect { .. } => {}
                Entry::Set { address, value } => self.contexts[address as usize] = value,
                Entry::Accum { address, delta } => self.contexts[address as usize] ^= delta,
                Entry::Read { address } => values.push(self.at(address)),
            }
        }
        Some(values)
    }
}

impl Node {
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            table: None,
            boots: 0,
            agents: [None, None],
            out: false,
        }
    }

    pub fn boot(&mut self, layout: Layout) {
        self.table = Some(Table::new(layout));
        self.boots += 1;
        self.agents = [None, None];
        self.out = false;
    }

    /// Applies a batch, and tells the watches which contexts of programs it may have changed.
    pub fn batch(&mut self, entries: &[Entry]) -> Option<Vec<u64>> {
        let table = self.table.as_mut()?;
        let states = table.layout.states();
        let values = table.batch(entries)?;
        for entry in entries {
            if let Entry::Set { address, .. } | Entry::Accum { address, .. } = *entry {
                if address < states {
                    self.changed(address);
                }
            }
        }
        Some(values)
    }

    pub fn changed(&mut self, address: u32) {
        for running in self.agents.iter_mut().flatten() {
            running.changed.insert(address);
        }
    }
}

const _: () = assert!(Record::WORDS == 10);
