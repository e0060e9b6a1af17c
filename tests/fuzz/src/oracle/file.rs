// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`File`]: an open file of the device, its tables, and the memory that counts for them.

use super::{
    Company, Rules,
    expected::{Expected, VALUE, Write, partly, u32_at, u64_at},
    watch::{marks_bytes, quiet_bytes},
};
use crate::{
    encode::{CONTEXTS_PTR, ENTRY, OPS_PTR},
    event::Buffer,
    program::Access,
};
use atomik_test_support::{
    memory::page_size,
    model::{self, Context, Entry},
};
use atomik_uapi as uapi;
use nix::errno::Errno;
use std::collections::{BTreeMap, BTreeSet};

/// Bytes of a page.
pub(super) fn page() -> u64 {
    page_size() as u64
}
/// Bytes of a context's state, and of its reference.
pub(super) const WORD: u64 = 8;

/// Entries of the largest batch whose copy needs no memory.
const SMALL_BATCH: u32 = 16;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct File {
    pub access: Access,
    pub tables: BTreeMap<u32, Table>,
    /// Destroyed tables whose states a mapping or a watch holds.
    pub ghosts: BTreeMap<u32, Table>,
    /// True from the first creation on, which makes the driver's list of tables.
    pub made: bool,
    /// Bytes kept for the next large batch.
    pub scratch: u64,
    /// The places; true where a table is in one.
    pub places: Vec<bool>,
    /// Nobody has it any more but watches on its tables.
    pub closed: bool,
    /// False where racing calls may have used more `places` or `scratch` for a moment.
    pub bytes_known: bool,
    /// Operations served.
    pub ops: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Table {
    pub count: u32,
    pub place: usize,
    /// All contexts that a mapping shows, to the end of the last page: more than the table has.
    pub contexts: model::Table,
    /// True from the first mapping on: the states are in pages of their own.
    pub mapped: bool,
    /// Number of mappings.
    pub maps: u32,
}

impl Table {
    fn new(count: u32, place: usize) -> Self {
        let shown = count.next_multiple_of((page() / WORD) as u32);
        Self {
            count,
            place,
            contexts: model::Table::new(shown),
            mapped: false,
            maps: 0,
        }
    }

    /// The context that an ioctl means.
    fn context(&mut self, addr: u32) -> Result<&mut Context, Errno> {
        if addr < self.count {
            self.contexts.get_mut(addr)
        } else {
            Err(Errno::EINVAL)
        }
    }

    pub fn bytes(&self) -> u64 {
        if self.mapped {
            self.words() + self.pages()
        } else {
            table_bytes(self.count)
        }
    }

    /// Bytes of all references, or of all states that are not to be mapped.
    pub fn words(&self) -> u64 {
        (u64::from(self.count) * WORD).next_power_of_two()
    }

    /// Bytes of all states in pages, and of the control page.
    pub fn pages(&self) -> u64 {
        let states = (u64::from(self.count) * WORD).next_multiple_of(page());
        states.next_power_of_two() + page()
    }
}

/// The part of a file that a descriptor gives access to.
#[derive(Clone, Copy)]
pub(super) struct View {
    /// The one table that was exported.
    pub only: Option<u32>,
    /// True where batches may change contexts.
    pub writes: bool,
}

/// Size that the allocator rounds a table up to.
fn table_bytes(count: u32) -> u64 {
    (u64::from(count) * 16).next_power_of_two()
}

/// Bytes of the kernel's copy of so many entries, contexts or changes, as the limit counts them.
pub(super) fn copy_bytes(count: u32) -> u64 {
    (u64::from(count) * ENTRY as u64).next_power_of_two()
}

impl File {
    /// Bytes that count against the limit, but for those of ghosts.
    pub fn bytes(&self, rules: &Rules) -> u64 {
        if self.closed {
            let held: BTreeSet<_> = self.ghosts.values().map(|table| table.place).collect();
            return held.len() as u64 * rules.place_bytes;
        }
        let tables: u64 = self.tables.values().map(Table::bytes).sum();
        let places = self.places.len() as u64 * rules.place_bytes;
        let made = if self.made { rules.file_bytes } else { 0 };
        tables + places + made + self.scratch
    }

    /// Ends it, and leaves the tables to who still holds them.
    pub fn close(&mut self) {
        self.closed = true;
        self.ghosts.append(&mut self.tables);
    }

    /// The table with this id, if it is there and the descriptor has it.
    pub fn table(&mut self, only: Option<u32>, id: u32) -> Result<&mut Table, Errno> {
        let shown = only.is_none_or(|only| only == id);
        let table = self.tables.get_mut(&id).filter(|_| shown);
        table.ok_or(Errno::ENOENT)
    }

    /// EXPORT; `full` where its memory goes beyond the limit.
    pub fn export(&mut self, full: bool, arg: &Buffer, after: &[u8]) -> Result<Expected, Errno> {
        let word = |at| u32_at(&arg.before, at);
        if word(4) & !uapi::EXPORT_READ_ONLY != 0 || word(12) != 0 {
            return Err(Errno::EINVAL);
        }
        self.table(None, word(0))?;
        if full {
            return Err(Errno::ENOMEM);
        }
        Ok(handed_over(
            std::mem::offset_of!(uapi::Export, fd),
            arg,
            after,
        ))
    }

    /// WATCH. Tables are `watched` already where that says so.
    pub fn watch(
        &mut self,
        rules: &Rules,
        view: View,
        room: u64,
        watched: impl Fn(u32) -> bool,
        arg: &Buffer,
        after: &[u8],
    ) -> Result<Expected, Errno> {
        let word = |at| u32_at(&arg.before, at);
        if word(12) & !uapi::WATCH_NONBLOCK != 0 || word(20) != 0 {
            return Err(Errno::EINVAL);
        }
        self.range(view, arg)?;
        let quiet = if watched(word(0)) {
            0
        } else {
            quiet_bytes(self.table(view.only, word(0))?.count)
        };
        if rules.watch_bytes + marks_bytes(word(8)) + quiet > room {
            return Err(Errno::ENOMEM);
        }
        Ok(handed_over(
            std::mem::offset_of!(uapi::Watch, fd),
            arg,
            after,
        ))
    }

    /// TOUCH.
    pub fn touch(&mut self, view: View, arg: &Buffer) -> Result<(), Errno> {
        if u32_at(&arg.before, 12) != 0 {
            return Err(Errno::EINVAL);
        }
        self.range(view, arg)
    }

    /// The range of contexts that an argument begins with is in the table.
    fn range(&mut self, view: View, arg: &Buffer) -> Result<(), Errno> {
        let word = |at| u32_at(&arg.before, at);
        let table = self.table(view.only, word(0))?;
        let end = word(4).checked_add(word(8));
        let fits = word(8) > 0 && end.is_some_and(|end| end <= table.count);
        fits.then_some(()).ok_or(Errno::EINVAL)
    }

    pub fn create(
        &mut self,
        rules: &Rules,
        room: Option<u64>,
        arg: &Buffer,
        (result, after): (&Result<(), Errno>, &[u8]),
        company: Company,
    ) -> Result<Expected, String> {
        let count = u32_at(&arg.before, 0);
        if !(1..=uapi::MAX_CONTEXTS).contains(&count) {
            return Ok(Errno::EINVAL.into());
        }
        if company == Company::Others {
            self.bytes_known = false;
            // Another that fails holds memory and an id until then.
            if let Err(errno @ (Errno::ENOMEM | Errno::ENOSPC)) = result {
                return Ok((*errno).into());
            }
        }
        let mut room = room.filter(|_| company == Company::Alone);
        if !self.made {
            if room.is_some_and(|room| rules.file_bytes > room) {
                return Ok(Errno::ENOMEM.into());
            }
            self.made = true;
            room = room.map(|room| room - rules.file_bytes);
        }
        if self.tables.len() == uapi::MAX_TABLES as usize {
            return Ok(Errno::ENOSPC.into());
        }
        let free = self.places.iter().position(|taken| !taken);
        if company == Company::Alone {
            let bytes = table_bytes(count);
            if room.is_some_and(|room| bytes > room) {
                return Ok(Errno::ENOMEM.into());
            }
            if free.is_none() {
                if room.is_some_and(|room| bytes + rules.place_bytes > room) {
                    return Ok(Errno::ENOMEM.into());
                }
                self.places.push(false);
            }
        } else if free.is_none() {
            self.places.push(false);
        }
        let field = std::mem::offset_of!(uapi::CreateTable, table_id);
        let id = after.get(field..field + 4).ok_or("no table_id")?;
        if !arg.location.writable(field..field + 4) {
            let mut expected = Expected::from(Errno::EFAULT);
            expected.arg = partly(arg.location, field, id);
            return Ok(expected);
        }
        let place = free.unwrap_or(self.places.len() - 1);
        let expected = Expected::writing(field, id);
        let id = u32_at(after, field);
        if result.is_ok() && (id == 0 || self.tables.contains_key(&id)) {
            return Err(format!("{id} is not the id of a new table"));
        }
        self.places[place] = true;
        self.tables.insert(id, Table::new(count, place));
        Ok(expected)
    }

    pub fn single(&mut self, view: View, number: u32, arg: &Buffer) -> Result<Expected, Errno> {
        let id = u32_at(&arg.before, 0);
        if number == uapi::IOC_DESTROY_TABLE {
            let table = self.tables.remove(&id).ok_or(Errno::ENOENT)?;
            self.places[table.place] = false;
            self.ghosts.insert(id, table);
            return Ok(Expected::new(Ok(())));
        }
        let table = self.table(view.only, id)?;
        let (addr, value) = (u32_at(&arg.before, 4), u64_at(&arg.before, 8));
        let state = table.context(addr)?.state();
        let (entry, at) = match number {
            uapi::IOC_LOAD => (Entry::Load { addr, value }, 0),
            uapi::IOC_ACCUM => (Entry::Accum { addr, delta: value }, 0),
            uapi::IOC_READ => {
                let at = std::mem::offset_of!(uapi::Read, state);
                (Entry::Read { addr }, at)
            }
            _ => {
                let at = std::mem::offset_of!(uapi::Swap, old_state);
                (Entry::Swap { addr, new: value }, at)
            }
        };
        let bytes = state.to_ne_bytes();
        if entry.returns() && !arg.location.writable(at..at + 8) {
            let mut expected = Expected::from(Errno::EFAULT);
            expected.arg = partly(arg.location, at, &bytes);
            if number == uapi::IOC_SWAP {
                // It brings the page in by a word of zeros. Where that lies across two pages, some
                // processors write a part of it.
                expected.arg.extend(partly(arg.location, at, &[0; 8]));
            }
            return Ok(expected);
        }
        table.contexts.apply(&[entry])?;
        Ok(if entry.returns() {
            Expected::writing(at, &bytes)
        } else {
            Expected::new(Ok(()))
        })
    }

    /// BATCH. Returns the number of operations, too.
    pub fn batch(
        &mut self,
        view: View,
        room: u64,
        arg: &Buffer,
        ops: Option<&(u64, Buffer)>,
        seen: &Result<(), Errno>,
    ) -> Result<(Expected, u64), Errno> {
        let count = u32_at(&arg.before, 4);
        if !(1..=uapi::MAX_BATCH).contains(&count) {
            return Err(Errno::EINVAL);
        }
        // Small ones lie on the stack.
        let needed = if count > SMALL_BATCH {
            copy_bytes(count)
        } else {
            0
        };
        let mut room = room;
        if needed > self.scratch {
            room = room.saturating_add(self.scratch);
            self.scratch = 0;
            if needed > room {
                return Err(Errno::ENOMEM);
            }
            self.scratch = needed;
            room -= needed;
        }
        let count = count as usize;
        let pointer = u64_at(&arg.before, OPS_PTR);
        let (_, ops) = ops
            .filter(|(address, _)| *address == pointer)
            .ok_or(Errno::EFAULT)?;
        if !ops.location.readable(0..count * ENTRY) {
            return Err(Errno::EFAULT);
        }
        let entries = ops.before.chunks_exact(ENTRY).take(count);
        let entries: Option<Vec<Entry>> = entries.map(entry).collect();
        let entries = entries.ok_or(Errno::EINVAL)?;
        let inspects = |entry: &Entry| matches!(entry, Entry::Read { .. } | Entry::Expect { .. });
        if !view.writes && !entries.iter().all(inspects) {
            return Err(Errno::EBADF);
        }
        let table = self.table(view.only, u32_at(&arg.before, 0))?;
        if needed > 0 && needed / 2 > room && *seen == Err(Errno::ENOMEM) {
            // The driver keeps references aside where it can't pin the caller's memory, which isn't
            // known here.
            return Err(Errno::ENOMEM);
        }
        if entries.iter().any(|entry| entry.addr() >= table.count) {
            return Err(Errno::EINVAL);
        }

        if let Some((number, state)) = table.contexts.unmet(&entries) {
            let (at, state) = (number * ENTRY + VALUE, state.to_ne_bytes());
            let told = ops.location.writable(at..at + 8);
            let errno = if told {
                Errno::ECANCELED
            } else {
                Errno::EFAULT
            };
            let mut expected = Expected::from(errno);
            expected.ops = if told {
                vec![Write::certain(at, &state)]
            } else {
                partly(ops.location, at, &state)
            };
            return Ok((expected, 0));
        }
        let mut after = table.contexts.clone();
        let states = after.apply(&entries)?;
        let returning = (0..).zip(&entries).filter(|(_, entry)| entry.returns());
        let values = returning.map(|(number, _)| number * ENTRY + VALUE);
        let results: Vec<(usize, u64)> = values.zip(states).collect();
        let fits = results
            .iter()
            .all(|(at, _)| ops.location.writable(*at..at + 8));
        let mut expected = Expected::new(if fits { Ok(()) } else { Err(Errno::EFAULT) });
        for (at, state) in results {
            let bytes = state.to_ne_bytes();
            if fits {
                expected.ops.push(Write::certain(at, &bytes));
            } else {
                expected.ops.extend(partly(ops.location, at, &bytes));
            }
        }
        if fits {
            table.contexts = after;
        }
        Ok((expected, if fits { count as u64 } else { 0 }))
    }

    /// SNAPSHOT or RESTORE. Returns the number of contexts, too.
    pub fn image(
        &mut self,
        view: View,
        room: u64,
        number: u32,
        arg: &Buffer,
        ops: Option<&(u64, Buffer)>,
    ) -> Result<(Expected, u64), Errno> {
        let word = |at| u32_at(&arg.before, at);
        let (addr, count, reserved) = (word(4), word(8), word(12));
        if !(1..=uapi::MAX_CONTEXTS).contains(&count) || reserved != 0 {
            return Err(Errno::EINVAL);
        }
        if copy_bytes(count) > room {
            return Err(Errno::ENOMEM);
        }
        let pointer = u64_at(&arg.before, CONTEXTS_PTR);
        let memory = ops
            .filter(|(address, _)| *address == pointer)
            .map(|(_, memory)| memory);
        let all = 0..count as usize * ENTRY;
        let given = memory.filter(|memory| memory.location.readable(all.clone()));
        if number == uapi::IOC_RESTORE && given.is_none() {
            return Err(Errno::EFAULT);
        }
        let table = self.table(view.only, word(0))?;
        let end = addr.checked_add(count).filter(|&end| end <= table.count);
        let addresses = addr..end.ok_or(Errno::EINVAL)?;
        if number == uapi::IOC_RESTORE {
            let entries = given.map_or(&[][..], |memory| &memory.before);
            for (addr, entry) in addresses.zip(entries.chunks_exact(ENTRY)) {
                *table.context(addr)? = Context {
                    reference: u64_at(entry, 0),
                    accumulator: u64_at(entry, 8),
                };
            }
            return Ok((Expected::new(Ok(())), count.into()));
        }
        let mut bytes = vec![0; all.len()];
        let used = table.contexts.used();
        for (at, context) in used.filter(|(at, _)| addresses.contains(at)) {
            let entry = (at - addr) as usize * ENTRY;
            let words = [context.reference, context.accumulator].map(u64::to_ne_bytes);
            bytes[entry..entry + ENTRY].copy_from_slice(&words.concat());
        }
        if memory.is_some_and(|memory| memory.location.writable(all)) {
            let mut expected = Expected::new(Ok(()));
            expected.ops.push(Write::certain(0, &bytes));
            return Ok((expected, count.into()));
        }
        let mut expected = Expected::from(Errno::EFAULT);
        if let Some(memory) = memory {
            bytes.truncate(memory.before.len());
            expected.ops = partly(memory.location, 0, &bytes);
        }
        Ok((expected, 0))
    }
}

/// An entry of a batch; none where the driver refuses its bytes.
pub(super) fn entry(bytes: &[u8]) -> Option<Entry> {
    let (addr, value) = (u32_at(bytes, 4), u64_at(bytes, 8));
    if bytes[1..4] != [0; 3] {
        return None;
    }
    Some(match bytes[0] {
        uapi::OP_LOAD => Entry::Load { addr, value },
        uapi::OP_ACCUM => Entry::Accum { addr, delta: value },
        uapi::OP_READ => Entry::Read { addr },
        uapi::OP_SWAP => Entry::Swap { addr, new: 0 },
        uapi::OP_EXPECT => Entry::Expect { addr, state: value },
        uapi::OP_SET => Entry::Set { addr, state: value },
        _ => return None,
    })
}

/// The outcome of a command that has made a descriptor and hands over its number.
fn handed_over(field: usize, arg: &Buffer, after: &[u8]) -> Expected {
    let fd = &after[field..field + 4];
    if arg.location.writable(field..field + 4) {
        return Expected::writing(field, fd);
    }
    let mut expected = Expected::from(Errno::EFAULT);
    expected.arg = partly(arg.location, field, fd);
    expected
}
