// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`World`]: the driver as it is defined, and what each call must do in it.
//!
//! What the definition leaves to the driver, such as the number of a new table, is taken from what
//! has been seen, if it is legal. Everything else is predicted: the result, where several errors
//! apply the one that is checked first, and every byte of the caller's memory.

use crate::{
    place::Place,
    program::{Access, CONTEXTS_PTR, ENTRY, Map, OPS_PTR, Other, Rights, Touch},
};
use atomik_tests::{fdinfo::FdInfo, model::Context};
use atomik_uapi as uapi;
use nix::errno::Errno;
use std::{collections::BTreeMap, ops::Range};

/// Of a page.
const PAGE: u64 = 4096;
/// Bytes of a context that are its state, and those that are its reference.
const WORD: u64 = 8;

/// Memory that was handed to the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Buffer {
    pub place: Place,
    /// Its bytes before the call.
    pub before: Vec<u8>,
}

/// Where an entry's value is.
const VALUE: usize = std::mem::offset_of!(uapi::BatchOp, value);
/// Entries of a batch that needs no memory for its copy.
const SMALL_BATCH: u32 = 16;

/// A system call, as it was made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    Open(Access),
    Reopen(i32),
    Dup(i32),
    Pass(i32),
    Close(i32),
    FdInfo(i32),
    Other(i32, Other),
    /// Maps pages of the table with this id.
    Map(i32, u32, Map),
    /// Uses a context in the mapping that was made with this tag.
    Touch(u32, u32, Touch),
    /// Unmaps the mapping that was made with this tag.
    Unmap(u32),
    Ioctl {
        fd: i32,
        number: u32,
        arg: Buffer,
        /// The batch or the image that this address means.
        ops: Option<(u64, Buffer)>,
    },
}

impl Call {
    /// The descriptor that the call looks up first; what it does then it does with the file.
    pub fn descriptor(&self) -> Option<i32> {
        match self {
            Self::Open(_) | Self::Close(_) | Self::Touch(..) | Self::Unmap(_) => None,
            Self::Reopen(fd)
            | Self::Dup(fd)
            | Self::Pass(fd)
            | Self::FdInfo(fd)
            | Self::Other(fd, _)
            | Self::Map(fd, ..)
            | Self::Ioctl { fd, .. } => Some(*fd),
        }
    }
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Of a call that returns a descriptor or nothing.
    Result(Result<i32, Errno>),
    /// The state before, where that tells something.
    State(Option<u64>),
    Ioctl {
        result: Result<(), Errno>,
        /// The buffers' bytes after the call.
        arg: Vec<u8>,
        ops: Vec<u8>,
    },
    /// Nothing where the file is not of the driver's.
    FdInfo(Option<FdInfo>),
}

/// A call and its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub call: Call,
    pub seen: Seen,
    /// What a file that the call opens is known by, or a mapping that it makes; unique in a program.
    pub tag: u32,
    /// How often the call was made, with the same result each time: more than once only of ACCUMs. Through a mapping, an
    /// odd number.
    pub times: u32,
}

/// What holds for all programs of a run.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Whether nobody else uses the driver, so that its totals are known.
    pub alone: bool,
    /// Bytes that all files may use, where `alone`.
    pub limit: u64,
    /// Bytes that the place of a table uses.
    pub place_bytes: u64,
    /// Bytes that a file with tables uses besides.
    pub file_bytes: u64,
}

/// Whether other calls run at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Company {
    Alone,
    /// What counts several things one after another may be seen in between.
    Others,
}

/// Tables by id, with the addresses that have been used.
pub type UsedTables = Vec<(u32, Vec<u32>)>;

/// All files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct World {
    descriptors: BTreeMap<i32, u32>,
    files: BTreeMap<u32, File>,
    /// The file and the table of each mapping, which holds both.
    maps: BTreeMap<u32, (u32, u32)>,
    /// Operations served since the module was loaded.
    served: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct File {
    access: Access,
    tables: BTreeMap<u32, Table>,
    /// Tables that are destroyed, and of which mappings hold the states.
    ghosts: BTreeMap<u32, Table>,
    /// Whether there is what holds tables: from the first creation on.
    made: bool,
    /// Bytes that are kept for the next large batch.
    scratch: u64,
    /// Which places exist, and whether a table is there.
    places: Vec<bool>,
    /// Whether `places` and `scratch` are certain: racing calls may have used more for a moment.
    bytes_known: bool,
    /// Operations served.
    ops: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Table {
    count: u32,
    place: usize,
    /// Those that have been used. A mapping shows some beyond the table's.
    contexts: BTreeMap<u32, Context>,
    /// Whether the states are in pages of their own: once it has been mapped, for good.
    mapped: bool,
    /// Mappings.
    maps: u32,
}

impl Table {
    fn context(&mut self, addr: u32) -> Result<&mut Context, Errno> {
        if addr < self.count {
            Ok(self.contexts.entry(addr).or_default())
        } else {
            Err(Errno::EINVAL)
        }
    }

    fn bytes(&self) -> u64 {
        if self.mapped {
            self.words() + self.pages()
        } else {
            table_bytes(self.count)
        }
    }

    /// Bytes of all references, or of all states that are not to be mapped.
    fn words(&self) -> u64 {
        (u64::from(self.count) * WORD).next_power_of_two()
    }

    /// Bytes of all states, in pages.
    fn pages(&self) -> u64 {
        (u64::from(self.count) * WORD)
            .next_multiple_of(PAGE)
            .next_power_of_two()
    }
}

/// What the allocator rounds up to.
fn table_bytes(count: u32) -> u64 {
    (u64::from(count) * 16).next_power_of_two()
}

/// What counts against the limit for the kernel's copy of so many entries or contexts.
fn copy_bytes(count: u32) -> u64 {
    (u64::from(count) * ENTRY as u64).next_power_of_two()
}

/// Bytes that a call writes to a buffer.
struct Write {
    at: usize,
    bytes: Vec<u8>,
    /// Whether they must be there. Otherwise each may be, as the call failed on the way.
    certain: bool,
}

/// What an ioctl must do.
struct Outcome {
    result: Result<(), Errno>,
    arg: Vec<Write>,
    ops: Vec<Write>,
}

impl Outcome {
    fn new(result: Result<(), Errno>) -> Self {
        Self {
            result,
            arg: Vec::new(),
            ops: Vec::new(),
        }
    }

    fn writing(at: usize, bytes: &[u8]) -> Self {
        Self {
            result: Ok(()),
            arg: vec![Write {
                at,
                bytes: bytes.to_vec(),
                certain: true,
            }],
            ops: Vec::new(),
        }
    }
}

impl Outcome {
    /// Lets result fields be what they are after a call that failed while others changed the table.
    ///
    /// SWAP writes its result before it swaps, and a batch brings in missing pages by writing to
    /// them; where the table is gone when they try (again), the fields hold an earlier state.
    fn forgive(
        &mut self,
        number: u32,
        arg: &Buffer,
        ops: Option<&(u64, Buffer)>,
        (arg_after, ops_after): (&[u8], &[u8]),
    ) {
        let field = match number {
            uapi::IOC_SWAP => std::mem::offset_of!(uapi::Swap, old_state),
            uapi::IOC_READ => std::mem::offset_of!(uapi::Read, state),
            _ => usize::MAX,
        };
        if let Some(bytes) = arg_after.get(field..field.saturating_add(8)) {
            self.arg.extend(partly(arg.place, field, bytes));
        }
        let Some((_, ops)) = ops.filter(|_| number == uapi::IOC_BATCH) else {
            return;
        };
        let entries = ops.before.chunks_exact(ENTRY);
        for (start, entry) in (0..).step_by(ENTRY).zip(entries) {
            let at = start + VALUE;
            if let (uapi::OP_READ | uapi::OP_SWAP, Some(bytes)) =
                (entry[0], ops_after.get(at..at + 8))
            {
                self.ops.extend(partly(ops.place, at, bytes));
            }
        }
    }
}

impl From<Errno> for Outcome {
    fn from(errno: Errno) -> Self {
        Self::new(Err(errno))
    }
}

type Verdict = Result<(), String>;

impl World {
    /// One without files, where the driver has served so many operations.
    pub fn new(served: u64) -> Self {
        Self {
            served,
            ..Self::default()
        }
    }

    /// The open files: a descriptor of each, and the tables with the addresses that have been used.
    pub fn files(&self) -> Vec<(i32, UsedTables)> {
        let mut seen = Vec::new();
        let mut files = Vec::new();
        for (&descriptor, tag) in &self.descriptors {
            let Some(file) = self.files.get(tag) else {
                continue;
            };
            if seen.contains(tag) || file.access == Access::Path {
                continue;
            }
            seen.push(*tag);
            let used = |table: &Table| {
                let contexts = table.contexts.range(..table.count);
                contexts.map(|(&addr, _)| addr).collect()
            };
            let tables = file.tables.iter().map(|(&id, table)| (id, used(table)));
            files.push((descriptor, tables.collect()));
        }
        files
    }

    /// The file that a descriptor means.
    pub fn look_up(&self, descriptor: i32) -> Option<u32> {
        self.descriptors.get(&descriptor).copied()
    }

    /// Does what the call does, or says why it can't have come to what was seen.
    pub fn step(&mut self, rules: &Rules, event: &Event) -> Verdict {
        let file = event.call.descriptor().and_then(|fd| self.look_up(fd));
        self.act(rules, event, file, Company::Alone)
    }

    /// The same for a call that has looked up its descriptor and found `file`.
    pub fn act(
        &mut self,
        rules: &Rules,
        event: &Event,
        file: Option<u32>,
        company: Company,
    ) -> Verdict {
        match (&event.call, &event.seen) {
            (Call::Open(access), Seen::Result(seen)) => self.open(*access, event.tag, seen),
            (Call::Reopen(_), Seen::Result(seen)) => match file {
                Some(_) => self.open(Access::Rdwr, event.tag, seen),
                None => same("reopening", seen, &Err(Errno::ENOENT)),
            },
            (Call::Dup(_) | Call::Pass(_), Seen::Result(seen)) => match file {
                Some(tag) => self.install(tag, seen),
                None => same("duplicating", seen, &Err(Errno::EBADF)),
            },
            (Call::Close(fd), Seen::Result(seen)) => {
                let known = self.descriptors.remove(fd).map(|_| 0);
                same("close", seen, &known.ok_or(Errno::EBADF))?;
                Ok(())
            }
            (Call::Other(_, other), Seen::Result(seen)) => {
                same("the call", seen, &Err(self.other(file, *other)))
            }
            (Call::Map(_, table, map), Seen::Result(seen)) => {
                let result = self.map(rules, file, *table, map, event.tag, company);
                same("mmap", seen, &result.map(|()| 0))
            }
            (Call::Touch(tag, addr, touch), Seen::State(seen)) => {
                self.touch(*tag, *addr, *touch, *seen)
            }
            (Call::Unmap(tag), Seen::Result(seen)) => {
                self.unmap(*tag);
                same("munmap", seen, &Ok(0))
            }
            (Call::FdInfo(_), Seen::FdInfo(seen)) => self.fd_info(rules, file, seen.as_ref()),
            (
                Call::Ioctl {
                    number, arg, ops, ..
                },
                Seen::Ioctl {
                    result,
                    arg: arg_after,
                    ops: ops_after,
                },
            ) => {
                let served = self.served;
                let mut outcome = self.ioctl(
                    rules,
                    file,
                    *number,
                    arg,
                    ops.as_ref(),
                    (result, arg_after),
                    company,
                )?;
                if event.times > 1 {
                    let each = self.served - served;
                    // Two that are alike undo each other, and count.
                    if event.times % 2 == 0 {
                        let seen = (result, &**arg_after);
                        self.ioctl(rules, file, *number, arg, ops.as_ref(), seen, company)?;
                    }
                    let rest = each * u64::from((event.times - 1) / 2 * 2);
                    self.served += rest;
                    if let Some(file) = file.and_then(|tag| self.files.get_mut(&tag)) {
                        file.ops += rest;
                    }
                }
                same("the ioctl", result, &outcome.result)?;
                if company == Company::Others && result.is_err() {
                    outcome.forgive(*number, arg, ops.as_ref(), (arg_after, ops_after));
                }
                compare("the argument", &arg.before, arg_after, &outcome.arg)?;
                if let Some((_, ops)) = ops {
                    outcome
                        .ops
                        .retain(|write| write.at + write.bytes.len() <= ops.before.len());
                    compare("the batch", &ops.before, ops_after, &outcome.ops)?;
                }
                Ok(())
            }
            (call, seen) => Err(format!("{seen:?} is no result of {call:?}")),
        }
    }

    /// Forgets files without a descriptor. Those in `used` are in use by calls that go on.
    pub fn release(&mut self, used: impl Fn(u32) -> bool) {
        let Self {
            descriptors,
            files,
            maps,
            ..
        } = self;
        files.retain(|&tag, _| {
            used(tag)
                || descriptors.values().any(|&other| other == tag)
                || maps.values().any(|&(file, _)| file == tag)
        });
    }

    fn map(
        &mut self,
        rules: &Rules,
        file: Option<u32>,
        id: u32,
        map: &Map,
        tag: u32,
        company: Company,
    ) -> Result<(), Errno> {
        let room = (rules.alone && company == Company::Alone)
            .then(|| rules.limit.saturating_sub(self.used(rules)));
        let (file_tag, file) = file
            .and_then(|tag| Some((tag, self.files.get_mut(&tag)?)))
            .filter(|(_, file)| file.access != Access::Path)
            .ok_or(Errno::EBADF)?;
        if map.pages == 0 {
            return Err(Errno::EINVAL);
        }
        let reads = matches!(file.access, Access::Rdonly | Access::Rdwr);
        let writes = matches!(file.access, Access::Wronly | Access::Rdwr);
        if !reads || (map.rights == Rights::ReadWrite && !map.private && !writes) {
            return Err(Errno::EACCES);
        }
        let offset = u64::from(id) * uapi::MAP_SPAN + u64::from(map.first) * PAGE;
        let id = (offset / uapi::MAP_SPAN) as u32;
        if map.private || map.rights == Rights::Execute {
            return Err(Errno::EINVAL);
        }
        let table = file.tables.get_mut(&id).ok_or(Errno::ENOENT)?;
        let pages = (u64::from(table.count) * WORD).div_ceil(PAGE);
        if u64::from(map.first) + u64::from(map.pages) > pages {
            return Err(Errno::EINVAL);
        }
        // The pages are made before the words that they replace are given back.
        let needed = table.pages() + table.words();
        if !table.mapped && room.is_some_and(|room| needed > room) {
            return Err(Errno::ENOMEM);
        }
        table.mapped = true;
        table.maps += 1;
        self.maps.insert(tag, (file_tag, id));
        Ok(())
    }

    /// The table that a mapping is of.
    fn mapped(&mut self, tag: u32) -> Option<&mut Table> {
        let (file, id) = self.maps.get(&tag)?;
        let file = self.files.get_mut(file)?;
        file.tables.get_mut(id).or(file.ghosts.get_mut(id))
    }

    fn touch(&mut self, tag: u32, addr: u32, touch: Touch, seen: Option<u64>) -> Verdict {
        let table = self.mapped(tag).ok_or("a mapping of nothing")?;
        let context = table.contexts.entry(addr).or_default();
        let before = context.read();
        match touch {
            Touch::Read => {}
            Touch::Accum(delta) => context.accum(delta),
            Touch::Store(value) => context.accum(before ^ value),
        }
        seen.map_or(Ok(()), |seen| {
            same("the state in the mapping", &seen, &before)
        })
    }

    fn unmap(&mut self, tag: u32) {
        if let Some(table) = self.mapped(tag) {
            table.maps -= 1;
        }
        let file = self.maps.remove(&tag).map(|(file, _)| file);
        if let Some(file) = file.and_then(|tag| self.files.get_mut(&tag)) {
            file.ghosts.retain(|_, table| table.maps > 0);
        }
    }

    fn open(&mut self, access: Access, tag: u32, seen: &Result<i32, Errno>) -> Verdict {
        self.files.insert(
            tag,
            File {
                access,
                tables: BTreeMap::new(),
                ghosts: BTreeMap::new(),
                places: Vec::new(),
                made: false,
                scratch: 0,
                bytes_known: true,
                ops: 0,
            },
        );
        self.install(tag, seen)
    }

    fn install(&mut self, tag: u32, seen: &Result<i32, Errno>) -> Verdict {
        match seen {
            Ok(fd) if !self.descriptors.contains_key(fd) => {
                self.descriptors.insert(*fd, tag);
                Ok(())
            }
            Ok(fd) => Err(format!("the descriptor {fd} was in use already")),
            Err(errno) => Err(format!("no descriptor: {errno}")),
        }
    }

    fn other(&self, file: Option<u32>, other: Other) -> Errno {
        let access = file.and_then(|tag| Some(self.files.get(&tag)?.access));
        let (reads, writes) = match access {
            None | Some(Access::Path) => return Errno::EBADF,
            Some(Access::Rdonly) => (true, false),
            Some(Access::Wronly) => (false, true),
            Some(Access::Rdwr) => (true, true),
            Some(Access::Neither) => (false, false),
        };
        match other {
            Other::Read if reads => Errno::EINVAL,
            Other::Write if writes => Errno::EINVAL,
            Other::Read | Other::Write => Errno::EBADF,
            // At the offset of table 0, which there never is.
            Other::Mmap if reads => Errno::ENOENT,
            Other::Mmap => Errno::EACCES,
        }
    }

    fn fd_info(&self, rules: &Rules, file: Option<u32>, seen: Option<&FdInfo>) -> Verdict {
        let file = file
            .and_then(|tag| self.files.get(&tag))
            .filter(|file| file.access != Access::Path);
        let (Some(file), Some(seen)) = (file, seen) else {
            return same("fdinfo of the driver", &seen.is_some(), &file.is_some());
        };
        let each: Vec<(u32, u32)> = file
            .tables
            .iter()
            .map(|(&id, table)| (id, table.count))
            .collect();
        let mut seen_each = seen.each.clone();
        seen_each.sort_unstable();
        same("fdinfo: the tables", &seen_each, &each)?;
        same("fdinfo: tables", &seen.tables, &(each.len() as u64))?;
        let contexts = each.iter().map(|(_, count)| u64::from(*count)).sum();
        same("fdinfo: contexts", &seen.contexts, &contexts)?;
        same("fdinfo: ops", &seen.ops, &file.ops)?;
        if file.bytes_known {
            same("fdinfo: bytes", &seen.bytes, &file.bytes(rules))?;
        }
        Ok(())
    }

    /// Bytes that count against the limit.
    fn used(&self, rules: &Rules) -> u64 {
        self.files
            .values()
            .map(|file| {
                let ghosts: u64 = file.ghosts.values().map(Table::pages).sum();
                ghosts + file.bytes(rules)
            })
            .sum()
    }

    #[expect(clippy::too_many_arguments, reason = "each is part of the call")]
    fn ioctl(
        &mut self,
        rules: &Rules,
        file: Option<u32>,
        number: u32,
        arg: &Buffer,
        ops: Option<&(u64, Buffer)>,
        seen: (&Result<(), Errno>, &[u8]),
        company: Company,
    ) -> Result<Outcome, String> {
        let used = self.used(rules);
        let Self { files, served, .. } = self;
        let Some(file) = file
            .and_then(|tag| files.get_mut(&tag))
            .filter(|file| file.access != Access::Path)
        else {
            return Ok(Errno::EBADF.into());
        };
        let changes = match number {
            uapi::IOC_READ | uapi::IOC_GET_INFO | uapi::IOC_SNAPSHOT => false,
            uapi::IOC_CREATE_TABLE
            | uapi::IOC_DESTROY_TABLE
            | uapi::IOC_LOAD
            | uapi::IOC_ACCUM
            | uapi::IOC_SWAP
            | uapi::IOC_BATCH
            | uapi::IOC_RESTORE => true,
            _ => return Ok(Errno::ENOTTY.into()),
        };
        if changes && !matches!(file.access, Access::Wronly | Access::Rdwr) {
            return Ok(Errno::EBADF.into());
        }
        if number == uapi::IOC_GET_INFO {
            return get_info(rules, *served, arg, seen, company);
        }
        if !arg.place.readable(0..size(number)) {
            return Ok(Errno::EFAULT.into());
        }
        let room = rules.alone.then(|| rules.limit.saturating_sub(used));
        if number == uapi::IOC_CREATE_TABLE {
            return file.create(rules, room, arg, seen, company);
        }
        if let uapi::IOC_BATCH | uapi::IOC_SNAPSHOT | uapi::IOC_RESTORE = number {
            if company == Company::Others {
                file.bytes_known = false;
                // The copies of others use memory till they end.
                if *seen.0 == Err(Errno::ENOMEM) {
                    return Ok(Errno::ENOMEM.into());
                }
            }
            let room = room
                .filter(|_| company == Company::Alone)
                .unwrap_or(u64::MAX);
            let done = match number {
                uapi::IOC_BATCH => file.batch(room, arg, ops, seen.0),
                number => file.image(room, number, arg, ops),
            };
            let (outcome, count) = done.unwrap_or_else(|errno| (errno.into(), 0));
            file.ops += count;
            *served += count;
            return Ok(outcome);
        }
        let outcome = file
            .single(number, arg)
            .unwrap_or_else(|errno| errno.into());
        if outcome.result.is_ok() && number != uapi::IOC_DESTROY_TABLE {
            file.ops += 1;
            *served += 1;
        }
        Ok(outcome)
    }
}

impl File {
    /// Bytes that count against the limit, but for those of ghosts.
    fn bytes(&self, rules: &Rules) -> u64 {
        let tables: u64 = self.tables.values().map(Table::bytes).sum();
        let places = self.places.len() as u64 * rules.place_bytes;
        let made = if self.made { rules.file_bytes } else { 0 };
        tables + places + made + self.scratch
    }

    fn create(
        &mut self,
        rules: &Rules,
        room: Option<u64>,
        arg: &Buffer,
        (result, after): (&Result<(), Errno>, &[u8]),
        company: Company,
    ) -> Result<Outcome, String> {
        let count = u32_at(&arg.before, 0);
        if !(1..=uapi::MAX_CONTEXTS).contains(&count) {
            return Ok(Errno::EINVAL.into());
        }
        if company == Company::Others {
            self.bytes_known = false;
            // One that fails holds memory and an id till then.
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
        if !arg.place.writable(field..field + 4) {
            let mut outcome = Outcome::from(Errno::EFAULT);
            outcome.arg = partly(arg.place, field, id);
            return Ok(outcome);
        }
        let place = free.unwrap_or(self.places.len() - 1);
        let outcome = Outcome::writing(field, id);
        let id = u32_at(after, field);
        if result.is_ok() && (id == 0 || self.tables.contains_key(&id)) {
            return Err(format!("{id} is not the id of a new table"));
        }
        self.places[place] = true;
        let table = Table {
            count,
            place,
            contexts: BTreeMap::new(),
            mapped: false,
            maps: 0,
        };
        self.tables.insert(id, table);
        Ok(outcome)
    }

    fn single(&mut self, number: u32, arg: &Buffer) -> Result<Outcome, Errno> {
        let id = u32_at(&arg.before, 0);
        if number == uapi::IOC_DESTROY_TABLE {
            let table = self.tables.remove(&id).ok_or(Errno::ENOENT)?;
            self.places[table.place] = false;
            if table.maps > 0 {
                self.ghosts.insert(id, table);
            }
            return Ok(Outcome::new(Ok(())));
        }
        let table = self.tables.get_mut(&id).ok_or(Errno::ENOENT)?;
        let context = table.context(u32_at(&arg.before, 4))?;
        let value = u64_at(&arg.before, 8);
        let (at, state) = match number {
            uapi::IOC_LOAD => {
                context.load(value);
                return Ok(Outcome::new(Ok(())));
            }
            uapi::IOC_ACCUM => {
                context.accum(value);
                return Ok(Outcome::new(Ok(())));
            }
            uapi::IOC_READ => (std::mem::offset_of!(uapi::Read, state), context.read()),
            _ => (std::mem::offset_of!(uapi::Swap, old_state), context.read()),
        };
        let bytes = state.to_ne_bytes();
        if !arg.place.writable(at..at + 8) {
            let mut outcome = Outcome::from(Errno::EFAULT);
            outcome.arg = partly(arg.place, at, &bytes);
            return Ok(outcome);
        }
        if number == uapi::IOC_SWAP {
            context.swap(value);
        }
        Ok(Outcome::writing(at, &bytes))
    }

    /// Returns how many operations it has been, too.
    fn batch(
        &mut self,
        room: u64,
        arg: &Buffer,
        ops: Option<&(u64, Buffer)>,
        seen: &Result<(), Errno>,
    ) -> Result<(Outcome, u64), Errno> {
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
        if !ops.place.readable(0..count * ENTRY) {
            return Err(Errno::EFAULT);
        }
        let entries: Vec<&[u8]> = ops.before.chunks_exact(ENTRY).take(count).collect();
        if entries
            .iter()
            .any(|entry| entry[0] > uapi::OP_SWAP || entry[1..4] != [0; 3])
        {
            return Err(Errno::EINVAL);
        }
        let table = self
            .tables
            .get_mut(&u32_at(&arg.before, 0))
            .ok_or(Errno::ENOENT)?;
        if needed > 0 && needed / 2 > room && *seen == Err(Errno::ENOMEM) {
            // References are kept aside where the caller's memory can't be pinned, which isn't known.
            return Err(Errno::ENOMEM);
        }
        if entries.iter().any(|entry| u32_at(entry, 4) >= table.count) {
            return Err(Errno::EINVAL);
        }

        let mut after = table.clone();
        let mut results: Vec<(Range<usize>, u64)> = Vec::new();
        for (number, entry) in entries.iter().enumerate() {
            let context = after.context(u32_at(entry, 4))?;
            let value = u64_at(entry, 8);
            let at = number * ENTRY + VALUE;
            match entry[0] {
                uapi::OP_LOAD => context.load(value),
                uapi::OP_ACCUM => context.accum(value),
                uapi::OP_READ => results.push((at..at + 8, context.read())),
                _ => results.push((at..at + 8, context.swap(0))),
            }
        }
        let fits = results
            .iter()
            .all(|(range, _)| ops.place.writable(range.clone()));
        let mut outcome = Outcome::new(if fits { Ok(()) } else { Err(Errno::EFAULT) });
        for (range, value) in results {
            let bytes = value.to_ne_bytes();
            outcome.ops.extend(if fits {
                vec![Write {
                    at: range.start,
                    bytes: bytes.to_vec(),
                    certain: true,
                }]
            } else {
                partly(ops.place, range.start, &bytes)
            });
        }
        if fits {
            *table = after;
        }
        Ok((outcome, if fits { count as u64 } else { 0 }))
    }
}

impl File {
    /// SNAPSHOT or RESTORE. Returns how many contexts it was of, too.
    fn image(
        &mut self,
        room: u64,
        number: u32,
        arg: &Buffer,
        ops: Option<&(u64, Buffer)>,
    ) -> Result<(Outcome, u64), Errno> {
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
        let given = memory.filter(|memory| memory.place.readable(all.clone()));
        if number == uapi::IOC_RESTORE && given.is_none() {
            return Err(Errno::EFAULT);
        }
        let table = self.tables.get_mut(&word(0)).ok_or(Errno::ENOENT)?;
        let end = addr.checked_add(count).filter(|&end| end <= table.count);
        let addresses = addr..end.ok_or(Errno::EINVAL)?;
        if number == uapi::IOC_RESTORE {
            let entries = given.map_or(&[][..], |memory| &memory.before);
            for (addr, entry) in addresses.zip(entries.chunks_exact(ENTRY)) {
                table.context(addr)?.set(u64_at(entry, 0), u64_at(entry, 8));
            }
            return Ok((Outcome::new(Ok(())), count.into()));
        }
        let mut bytes = vec![0; all.len()];
        for (&at, context) in table.contexts.range(addresses) {
            let (reference, accumulator) = context.words();
            let entry = (at - addr) as usize * ENTRY;
            bytes[entry..entry + 8].copy_from_slice(&reference.to_ne_bytes());
            bytes[entry + 8..entry + 16].copy_from_slice(&accumulator.to_ne_bytes());
        }
        if memory.is_some_and(|memory| memory.place.writable(all)) {
            let mut outcome = Outcome::new(Ok(()));
            outcome.ops.push(Write {
                at: 0,
                bytes,
                certain: true,
            });
            return Ok((outcome, count.into()));
        }
        let mut outcome = Outcome::from(Errno::EFAULT);
        if let Some(memory) = memory {
            bytes.truncate(memory.before.len());
            outcome.ops = partly(memory.place, 0, &bytes);
        }
        Ok((outcome, 0))
    }
}

fn get_info(
    rules: &Rules,
    served: u64,
    arg: &Buffer,
    (result, after): (&Result<(), Errno>, &[u8]),
    company: Company,
) -> Result<Outcome, String> {
    let at = std::mem::offset_of!(uapi::Info, ops_total);
    let total = u64_at(after, at);
    let fits = arg.place.writable(0..size_of::<uapi::Info>());
    if fits && result.is_ok() {
        let known = rules.alone && company == Company::Alone;
        if known {
            same("ops_total", &total, &served)?;
        }
    }
    let mut info = Vec::new();
    for word in [uapi::VERSION, uapi::BACKEND_SOFTWARE, 0, 0] {
        info.extend(word.to_ne_bytes());
    }
    for word in [total, 0, 0] {
        info.extend(word.to_ne_bytes());
    }
    if fits {
        return Ok(Outcome::writing(0, &info));
    }
    let mut outcome = Outcome::from(Errno::EFAULT);
    outcome.arg = partly(arg.place, 0, &info);
    Ok(outcome)
}

/// What may be left of a result that did not fit: any of the bytes that can be written.
fn partly(place: Place, at: usize, bytes: &[u8]) -> Vec<Write> {
    let writable = |(offset, byte): (usize, &u8)| {
        let at = at + offset;
        place.writable(at..at + 1).then(|| Write {
            at,
            bytes: vec![*byte],
            certain: false,
        })
    };
    bytes.iter().enumerate().filter_map(writable).collect()
}

/// Bytes of a command's argument.
pub fn size(number: u32) -> usize {
    ((number >> 16) & 0x3fff) as usize
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(bytes[at..at + 4].try_into().expect("4 bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_ne_bytes(bytes[at..at + 8].try_into().expect("8 bytes"))
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, seen: &T, expected: &T) -> Verdict {
    if seen == expected {
        Ok(())
    } else {
        Err(format!("{what}: {seen:?}, and not {expected:?}"))
    }
}

/// Compares each byte.
fn compare(what: &str, before: &[u8], after: &[u8], writes: &[Write]) -> Verdict {
    let mut expected = before.to_vec();
    for write in writes {
        let here = write.at..write.at + write.bytes.len();
        if write.certain || after.get(here.clone()) == Some(&write.bytes) {
            expected[here].copy_from_slice(&write.bytes);
        }
    }
    match (0..before.len()).find(|&at| after.get(at) != expected.get(at)) {
        None => Ok(()),
        Some(at) => Err(format!(
            "{what}: the byte at {at} is {:#04x}, and not {:#04x}",
            after.get(at).copied().unwrap_or_default(),
            expected[at]
        )),
    }
}
