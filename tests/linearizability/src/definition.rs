// SPDX-License-Identifier: MIT OR Apache-2.0

//! What each operation does, on its own, by the definition of the interface.

use std::collections::{BTreeMap, BTreeSet};

/// An operation on a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// CREATE_TABLE with this many contexts.
    Create(u32),
    /// DESTROY_TABLE.
    Destroy { table: u32 },
    /// BATCH.
    Batch { table: u32, entries: Vec<Entry> },
    /// LOAD, ACCUM, READ or SWAP.
    Single { table: u32, entry: Entry },
}

/// What a single operation or an entry of a batch does to a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    Load { addr: u32, value: u64 },
    Accum { addr: u32, delta: u64 },
    Read { addr: u32 },
    Swap { addr: u32, new: u64 },
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// The id of a table.
    Created(u32),
    /// The table has been destroyed.
    Destroyed,
    /// The states that READ and SWAP have returned, in order.
    States(Vec<u64>),
    /// ENOENT.
    NoTable,
    /// EFAULT: nothing has happened.
    Fault,
}

/// A context.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Context {
    reference: u64,
    accumulator: u64,
}

impl Context {
    fn state(&self) -> u64 {
        self.reference ^ self.accumulator
    }

    fn start_epoch(&mut self, reference: u64) {
        *self = Context {
            reference,
            accumulator: 0,
        };
    }
}

/// The tables of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tables {
    tables: BTreeMap<u32, Vec<Context>>,
    /// The ids that there have been: none is used twice.
    gone: BTreeSet<u32>,
}

impl Tables {
    /// Does the operation if it can have this answer now; says whether it can.
    pub fn step(&mut self, op: &Op, answer: &Answer) -> bool {
        match (op, answer) {
            (Op::Create(contexts), Answer::Created(id)) => {
                // Which id is the driver's choice, as long as it is new.
                let new = !self.tables.contains_key(id) && !self.gone.contains(id);
                new && {
                    let contexts = vec![Context::default(); *contexts as usize];
                    self.tables.insert(*id, contexts);
                    true
                }
            }
            (Op::Destroy { table }, Answer::Destroyed) => {
                self.gone.insert(*table);
                self.tables.remove(table).is_some()
            }
            (Op::Single { table, entry }, Answer::States(states)) => {
                self.run(*table, std::slice::from_ref(entry), states)
            }
            (Op::Batch { table, entries }, Answer::States(states)) => {
                self.run(*table, entries, states)
            }
            (
                Op::Destroy { table } | Op::Single { table, .. } | Op::Batch { table, .. },
                Answer::NoTable,
            ) => !self.tables.contains_key(table),
            (_, Answer::Fault) => true,
            _ => false,
        }
    }

    /// Applies the entries as long as READ and SWAP return `states`; says whether they all did.
    fn run(&mut self, table: u32, entries: &[Entry], states: &[u64]) -> bool {
        let Some(contexts) = self.tables.get_mut(&table) else {
            return false;
        };
        let mut states = states.iter();
        for entry in entries {
            let (Entry::Load { addr, .. }
            | Entry::Accum { addr, .. }
            | Entry::Read { addr }
            | Entry::Swap { addr, .. }) = *entry;
            let Some(context) = contexts.get_mut(addr as usize) else {
                return false;
            };
            let state = context.state();
            match *entry {
                Entry::Load { value, .. } => context.start_epoch(value),
                Entry::Accum { delta, .. } => context.accumulator ^= delta,
                Entry::Read { .. } => {}
                Entry::Swap { new: 0, .. } => context.start_epoch(state),
                Entry::Swap { new, .. } => context.start_epoch(new),
            }
            let returns = matches!(entry, Entry::Read { .. } | Entry::Swap { .. });
            if returns && states.next() != Some(&state) {
                return false;
            }
        }
        states.next().is_none()
    }

    /// How many tables there are.
    pub fn count(&self) -> usize {
        self.tables.len()
    }

    /// The states and references of the contexts of a table.
    pub fn words(&self, table: u32) -> Option<Vec<(u64, u64)>> {
        let contexts = self.tables.get(&table)?;
        let words = contexts.iter().map(|c| (c.state(), c.reference));
        Some(words.collect())
    }
}
