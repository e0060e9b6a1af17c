// SPDX-License-Identifier: MIT OR Apache-2.0

//! The algebra by its definition: what each operation on a file does, on its own.

use nix::errno::Errno;
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

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
    /// RESTORE of contexts from the first on.
    Restore { table: u32, contexts: Vec<Context> },
    /// A read of these contexts through a mapping, isolated from batches and RESTORE alone: see
    /// [`Op::isolates`].
    Consistent { table: u32, addrs: Vec<u32> },
    /// WATCH of these contexts. Watches have numbers from 0 on.
    Watch { table: u32, addr: u32, count: u32 },
    /// Reading up to `most` changes from the watch with this number, without waiting.
    Changes { watch: usize, most: usize },
}

impl Op {
    /// True where consistent reads see all that it changes, or nothing.
    pub fn isolates(&self) -> bool {
        match self {
            Self::Batch { entries, .. } => entries.iter().any(Entry::changes),
            Self::Restore { .. } => true,
            _ => false,
        }
    }
}

/// A single operation on a context, or an entry of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    Load {
        addr: u32,
        value: u64,
    },
    Accum {
        addr: u32,
        delta: u64,
    },
    Read {
        addr: u32,
    },
    Swap {
        addr: u32,
        new: u64,
    },
    /// In a batch only: a condition on the state before any of its entries.
    Expect {
        addr: u32,
        state: u64,
    },
    /// In a batch only: an ACCUM of the difference to the state.
    Set {
        addr: u32,
        state: u64,
    },
}

impl Entry {
    pub fn addr(&self) -> u32 {
        match *self {
            Self::Load { addr, .. }
            | Self::Accum { addr, .. }
            | Self::Read { addr }
            | Self::Swap { addr, .. }
            | Self::Expect { addr, .. }
            | Self::Set { addr, .. } => addr,
        }
    }

    /// True where those who watch the context are told.
    pub fn changes(&self) -> bool {
        match *self {
            Self::Load { .. } | Self::Set { .. } => true,
            Self::Accum { delta, .. } => delta != 0,
            Self::Swap { new, .. } => new != 0,
            Self::Read { .. } | Self::Expect { .. } => false,
        }
    }

    /// True where a state is the result.
    pub fn returns(&self) -> bool {
        matches!(self, Self::Read { .. } | Self::Swap { .. })
    }
}

/// The driver's answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// The id of a table.
    Created(u32),
    /// The table has been destroyed.
    Destroyed,
    /// The contexts are watched.
    Watching,
    /// The contexts that may have changed and their states, lowest address first. None where the
    /// table is gone and nothing is left to tell.
    Changes(Vec<(u32, u64)>),
    /// EAGAIN: a watch has nothing to tell, unless of these contexts. Calls that had not returned
    /// were changing them, and may tell the watch later than others see the states.
    NothingNew(BTreeSet<u32>),
    /// The states that READ and SWAP have returned, in order.
    States(Vec<u64>),
    /// ENOENT.
    NoTable,
    /// EINVAL: an address beyond the table; nothing has happened.
    OutOfRange,
    /// ECANCELED: the first EXPECT that doesn't hold, by its number in the batch, and the state
    /// found instead. Nothing has happened.
    Canceled { entry: usize, state: u64 },
    /// EFAULT: nothing has happened.
    Fault,
}

/// A context: its state is `reference ^ accumulator`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Context {
    pub reference: u64,
    pub accumulator: u64,
}

impl Context {
    pub fn state(&self) -> u64 {
        self.reference ^ self.accumulator
    }

    fn start_epoch(&mut self, reference: u64) {
        *self = Self {
            reference,
            accumulator: 0,
        };
    }

    /// Does the entry, whatever its address. Returns the state where that is the result.
    fn apply(&mut self, entry: Entry) -> Option<u64> {
        let state = self.state();
        match entry {
            Entry::Load { value, .. } => self.start_epoch(value),
            Entry::Accum { delta, .. } => self.accumulator ^= delta,
            Entry::Set { state: new, .. } => self.accumulator ^= state ^ new,
            Entry::Read { .. } | Entry::Expect { .. } => {}
            Entry::Swap { new: 0, .. } => self.start_epoch(state),
            Entry::Swap { new, .. } => self.start_epoch(new),
        }
        entry.returns().then_some(state)
    }
}

/// A table. Contexts that nothing has used take no memory.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Table {
    count: u32,
    contexts: BTreeMap<u32, Context>,
}

impl Table {
    /// A table of `count` contexts, all 0.
    pub fn new(count: u32) -> Self {
        Self {
            count,
            contexts: BTreeMap::new(),
        }
    }

    /// The number of contexts.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The context at `addr`; EINVAL where there is none.
    pub fn get(&self, addr: u32) -> Result<Context, Errno> {
        let known = self.contexts.get(&addr).copied();
        let known = known.unwrap_or_default();
        (addr < self.count).then_some(known).ok_or(Errno::EINVAL)
    }

    /// The context at `addr`, to be used; EINVAL where there is none.
    pub fn get_mut(&mut self, addr: u32) -> Result<&mut Context, Errno> {
        if addr < self.count {
            Ok(self.contexts.entry(addr).or_default())
        } else {
            Err(Errno::EINVAL)
        }
    }

    /// The contexts that have been used, by address.
    pub fn used(&self) -> impl Iterator<Item = (u32, Context)> {
        self.contexts
            .iter()
            .map(|(&addr, &context)| (addr, context))
    }

    /// The first EXPECT that doesn't hold, by its number, and the state found instead.
    pub fn unmet(&self, entries: &[Entry]) -> Option<(usize, u64)> {
        let found = |addr| self.get(addr).unwrap_or_default().state();
        entries
            .iter()
            .enumerate()
            .find_map(|(i, entry)| match *entry {
                Entry::Expect { addr, state } => (found(addr) != state).then_some((i, found(addr))),
                _ => None,
            })
    }

    /// Does all of the entries, in order, or nothing. Returns the states that READ and SWAP return;
    /// ECANCELED where an EXPECT doesn't hold.
    pub fn apply(&mut self, entries: &[Entry]) -> Result<Vec<u64>, Errno> {
        if entries.iter().any(|entry| entry.addr() >= self.count) {
            return Err(Errno::EINVAL);
        }
        if self.unmet(entries).is_some() {
            return Err(Errno::ECANCELED);
        }
        let mut states = Vec::new();
        for &entry in entries {
            states.extend(self.get_mut(entry.addr())?.apply(entry));
        }
        Ok(states)
    }
}

/// A watch: what it has to tell.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Watch {
    table: u32,
    range: Range<u32>,
    untold: BTreeSet<u32>,
    /// The table, once it is destroyed.
    gone: Option<Table>,
}

impl Watch {
    /// Reads up to `most` changes if `answer` can come of it. Returns true where it can.
    fn read(&mut self, table: Option<&Table>, most: usize, answer: &Answer) -> bool {
        let told = match answer {
            Answer::Changes(told) => told,
            Answer::NothingNew(beside) => {
                return self.gone.is_none() && self.untold.is_subset(beside);
            }
            _ => return *answer == Answer::Fault,
        };
        let Some(&(last, _)) = told.last() else {
            return self.gone.is_some() && self.untold.is_empty();
        };
        let Some(table) = self.gone.as_ref().or(table) else {
            return false;
        };
        // A record without a change is allowed, one with another state is not.
        let right = told.iter().all(|&(addr, state)| {
            let found = table.get(addr).map(|context| context.state());
            self.range.contains(&addr) && found == Ok(state)
        });
        let ordered = told.windows(2).all(|pair| pair[0].0 < pair[1].0);
        for (addr, _) in told {
            self.untold.remove(addr);
        }
        // The rest is left only where it doesn't fit.
        let first = self.untold.first();
        let fits = first.is_none_or(|&addr| told.len() == most && addr > last);
        right && ordered && fits && told.len() <= most
    }
}

/// The tables of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tables {
    tables: BTreeMap<u32, Table>,
    /// The ids of tables that have been destroyed: none is used twice.
    gone: BTreeSet<u32>,
    watches: Vec<Watch>,
}

impl Tables {
    /// Does the operation if it can have this answer now. Returns true where it can.
    pub fn step(&mut self, op: &Op, answer: &Answer) -> bool {
        match (op, answer) {
            (Op::Create(contexts), Answer::Created(id)) => {
                // The driver chooses the id, as long as it is new.
                let new = !self.tables.contains_key(id) && !self.gone.contains(id);
                new && self.tables.insert(*id, Table::new(*contexts)).is_none()
            }
            (Op::Destroy { table }, Answer::Destroyed) => {
                self.gone.insert(*table);
                let gone = self.tables.remove(table);
                let watches = self.watches.iter_mut();
                for watch in watches.filter(|watch| watch.table == *table && watch.gone.is_none()) {
                    watch.gone = gone.clone();
                }
                gone.is_some()
            }
            (&Op::Watch { table, addr, count }, Answer::Watching) => {
                let range = addr..addr + count;
                self.watches.push(Watch {
                    table,
                    untold: range.clone().collect(),
                    range,
                    gone: None,
                });
                self.tables.contains_key(&table)
            }
            (Op::Changes { watch, most }, answer) => {
                let Some(watch) = self.watches.get_mut(*watch) else {
                    return false;
                };
                let table = self.tables.get(&watch.table);
                watch.read(table, *most, answer)
            }
            (Op::Single { table, entry }, answer) => {
                self.apply(*table, std::slice::from_ref(entry), answer)
            }
            (Op::Batch { table, entries }, answer) => self.apply(*table, entries, answer),
            (Op::Restore { table, contexts }, answer) => {
                let Some(table) = self.tables.get_mut(table) else {
                    return *answer == Answer::NoTable;
                };
                for (addr, context) in (0..).zip(contexts) {
                    match table.get_mut(addr) {
                        Ok(old) => *old = *context,
                        Err(_) => return *answer == Answer::OutOfRange,
                    }
                }
                *answer == Answer::States(vec![])
            }
            (Op::Destroy { table }, Answer::NoTable) => !self.tables.contains_key(table),
            (_, Answer::Fault) => true,
            _ => false,
        }
    }

    fn apply(&mut self, id: u32, entries: &[Entry], answer: &Answer) -> bool {
        if *answer == Answer::Fault {
            return true;
        }
        let Some(table) = self.tables.get_mut(&id) else {
            return *answer == Answer::NoTable;
        };
        let unmet = table.unmet(entries);
        match table.apply(entries) {
            Ok(states) => {
                let changed = entries.iter().filter(|entry| entry.changes());
                for addr in changed.map(Entry::addr) {
                    for watch in &mut self.watches {
                        if watch.table == id && watch.range.contains(&addr) {
                            watch.untold.insert(addr);
                        }
                    }
                }
                *answer == Answer::States(states)
            }
            Err(Errno::ECANCELED) => {
                unmet.is_some_and(|(entry, state)| *answer == Answer::Canceled { entry, state })
            }
            Err(_) => *answer == Answer::OutOfRange,
        }
    }

    /// The number of tables.
    pub fn count(&self) -> usize {
        self.tables.len()
    }

    /// The ids of the tables.
    pub fn ids(&self) -> impl Iterator<Item = u32> {
        self.tables.keys().copied()
    }

    /// The state and the reference of each context of a table.
    pub fn words(&self, table: u32) -> Option<Vec<(u64, u64)>> {
        let table = self.tables.get(&table)?;
        let words = (0..table.count).map(|addr| {
            let context = table.get(addr).unwrap_or_default();
            (context.state(), context.reference)
        });
        Some(words.collect())
    }
}
