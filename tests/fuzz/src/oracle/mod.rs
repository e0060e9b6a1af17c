// SPDX-License-Identifier: MIT OR Apache-2.0

//! The oracle: the driver as it is defined ([`World`]), and what each call must do in it.
//!
//! The driver's own choices, such as the number of a new table, are taken from the results, if they
//! are legal. Everything else is predicted: the result, the first of several errors, and every byte
//! of the caller's memory.

mod expected;
mod file;
mod watch;

use crate::{
    event::{Buffer, Call, Event, Seen},
    program::{Access, Map, Other, Rights, Touch},
};
use atomik_test_support::fdinfo::{ExportInfo, FdInfo};
use atomik_uapi::{self as uapi, Served};
use expected::{Expected, compare, get_info, u32_at};
use file::{File, Table, View, WORD, page};
use nix::errno::Errno;
use std::collections::BTreeMap;
pub use watch::marks_bytes;
use watch::{Watch, changed};

/// Facts that hold for all programs.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// True where nobody else uses the driver, so that its totals are known.
    pub alone: bool,
    /// Bytes that all files may use. Known where `alone`.
    pub limit: u64,
    /// Bytes that the place of a table uses.
    pub place_bytes: u64,
    /// Bytes that a file with tables uses besides.
    pub file_bytes: u64,
    /// Bytes that an exported descriptor uses.
    pub export_bytes: u64,
    /// Bytes that a watch uses, but for its marks.
    pub watch_bytes: u64,
}

/// Other calls at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Company {
    Alone,
    /// Others may see a call that counts several things half done.
    Others,
}

/// Tables by id, with the addresses that have been used.
pub type UsedTables = Vec<(u32, Vec<u32>)>;

/// A descriptor that EXPORT has made. It holds the file of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Export {
    file: u32,
    table: u32,
    writable: bool,
}

/// All files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct World {
    descriptors: BTreeMap<i32, u32>,
    files: BTreeMap<u32, File>,
    /// By tags, as files.
    exports: BTreeMap<u32, Export>,
    /// By tags, as files.
    watches: BTreeMap<u32, Watch>,
    /// Each mapping.
    maps: BTreeMap<u32, Mapping>,
    /// Operations served since the module was loaded.
    served: u64,
}

/// A mapping. It holds the table, and the file or the export that it was made by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Mapping {
    by: u32,
    file: u32,
    table: u32,
    /// True if it is of the control page, of whose content the oracle knows nothing.
    control: bool,
}

type Verdict = Result<(), String>;

impl World {
    /// A world without files, whose driver has served so many operations.
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
            let export = self.exports.get(tag);
            let Some(file) = self.files.get(export.map_or(tag, |export| &export.file)) else {
                continue;
            };
            if seen.contains(tag) || file.access == Access::Path {
                continue;
            }
            seen.push(*tag);
            let used = |table: &Table| {
                let used = table.contexts.used().map(|(addr, _)| addr);
                used.filter(|&addr| addr < table.count).collect()
            };
            let shown = |id: u32| export.is_none_or(|export| export.table == id);
            let tables = file.tables.iter().filter(|(id, _)| shown(**id));
            let tables = tables.map(|(&id, table)| (id, used(table)));
            files.push((descriptor, tables.collect()));
        }
        files
    }

    /// The watches: a descriptor of each.
    pub fn watches(&self) -> Vec<i32> {
        let descriptor = |tag: &u32| self.descriptors.iter().find(|(_, other)| *other == tag);
        let found = self.watches.keys().filter_map(descriptor);
        found.map(|(&descriptor, _)| descriptor).collect()
    }

    /// The file of a descriptor.
    pub fn look_up(&self, descriptor: i32) -> Option<u32> {
        self.descriptors.get(&descriptor).copied()
    }

    /// Does the call, or says why it can't have this result.
    pub fn step(&mut self, rules: &Rules, event: &Event) -> Verdict {
        let file = event.call.descriptor().and_then(|fd| self.look_up(fd));
        self.act(rules, event, file, Company::Alone)
    }

    /// Does a call that has looked up its descriptor and found `file`.
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
                Some(tag) if !self.files.contains_key(&tag) => {
                    same("reopening", seen, &Err(Errno::ENXIO))
                }
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
            (Call::Read(_, to), Seen::Read(seen, after)) => {
                self.read(rules, file, to, (seen, after), company)
            }
            (Call::Poll(fd), Seen::Result(seen)) => self.poll(*fd, file, seen, company),
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
            (Call::FdInfo(_), Seen::ExportInfo(seen)) => self.export_info(rules, file, seen),
            (Call::FdInfo(_), Seen::WatchInfo(seen)) => self.watch_info(rules, file, seen),
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
                let mut expected = self.ioctl(
                    rules,
                    file,
                    *number,
                    arg,
                    ops.as_ref(),
                    (result, arg_after),
                    company,
                )?;
                if *number == uapi::IOC_EXPORT && result.is_ok() && expected.result.is_ok() {
                    self.export(file, event.tag, arg, arg_after)?;
                }
                if *number == uapi::IOC_WATCH && result.is_ok() && expected.result.is_ok() {
                    self.watch(file, event.tag, arg, arg_after)?;
                }
                if expected.result.is_ok() {
                    let changed = changed(*number, arg, ops.as_ref());
                    self.tell(file, u32_at(&arg.before, 0), &changed);
                }
                if event.times > 1 {
                    let each = self.served - served;
                    // Two that are alike undo each other, and count.
                    if event.times % 2 == 0 {
                        let seen = (result, &**arg_after);
                        self.ioctl(rules, file, *number, arg, ops.as_ref(), seen, company)?;
                    }
                    let rest = each * u64::from((event.times - 1) / 2 * 2);
                    self.served += rest;
                    if let Some((_, file)) = file.and_then(|tag| self.behind(tag)) {
                        file.ops += rest;
                    }
                }
                same("the ioctl", result, &expected.result)?;
                if company == Company::Others && result.is_err() {
                    expected.forgive(*number, arg, ops.as_ref(), (arg_after, ops_after));
                }
                compare("the argument", &arg.before, arg_after, &expected.arg)?;
                if let Some((_, ops)) = ops {
                    expected
                        .ops
                        .retain(|write| write.at + write.bytes.len() <= ops.before.len());
                    compare("the batch", &ops.before, ops_after, &expected.ops)?;
                }
                Ok(())
            }
            (call, seen) => Err(format!("{seen:?} is no result of {call:?}")),
        }
    }

    /// Forgets files without a descriptor, except those `used` by calls that go on.
    pub fn release(&mut self, used: impl Fn(u32) -> bool) {
        let Self {
            descriptors,
            files,
            exports,
            watches,
            maps,
            ..
        } = self;
        let held = |tag| {
            used(tag)
                || descriptors.values().any(|&other| other == tag)
                || maps.values().any(|map| map.by == tag)
        };
        exports.retain(|&tag, _| held(tag));
        watches.retain(|&tag, _| held(tag));
        files.retain(|&tag, file| {
            if !held(tag) && exports.values().all(|export| export.file != tag) {
                file.close();
            }
            let watched = |id| watches.values().any(|watch| watch.is_of(tag, id));
            file.ghosts
                .retain(|&id, table| table.maps > 0 || watched(id));
            !file.closed || !file.ghosts.is_empty()
        });
    }

    /// The file behind a descriptor's tag, and the export where it is one.
    fn behind(&mut self, tag: u32) -> Option<(Option<Export>, &mut File)> {
        let export = self.exports.get(&tag).copied();
        let file = self
            .files
            .get_mut(&export.map_or(tag, |export| export.file))?;
        Some((export, file))
    }

    /// Installs the descriptor that EXPORT has made.
    fn export(&mut self, file: Option<u32>, tag: u32, arg: &Buffer, after: &[u8]) -> Verdict {
        let field = std::mem::offset_of!(uapi::Export, fd);
        let export = Export {
            file: file.ok_or("an export of nothing")?,
            table: u32_at(&arg.before, 0),
            writable: u32_at(&arg.before, 4) & uapi::EXPORT_READ_ONLY == 0,
        };
        self.exports.insert(tag, export);
        self.install(tag, &Ok(u32_at(after, field) as i32))
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
        let by = file.ok_or(Errno::EBADF)?;
        if self.watches.contains_key(&by) {
            return Err(watch::map_error(map));
        }
        let (export, file) = self
            .behind(by)
            .filter(|(_, file)| file.access != Access::Path)
            .ok_or(Errno::EBADF)?;
        if map.pages == 0 {
            return Err(Errno::EINVAL);
        }
        let (reads, writes) = match export {
            Some(export) => (true, export.writable),
            None => (
                matches!(file.access, Access::Rdonly | Access::Rdwr),
                matches!(file.access, Access::Wronly | Access::Rdwr),
            ),
        };
        if !reads || (map.rights == Rights::ReadWrite && !map.private && !writes) {
            return Err(Errno::EACCES);
        }
        if export.is_some() && map.rights == Rights::Execute {
            // The kernel itself executes nothing of files without a name.
            return Err(Errno::EPERM);
        }
        let offset = u64::from(id) * uapi::MAP_SPAN + u64::from(map.first) * page();
        let id = (offset / uapi::MAP_SPAN) as u32;
        if map.private || map.rights == Rights::Execute {
            return Err(Errno::EINVAL);
        }
        let control = u64::from(map.first) == uapi::MAP_CONTROL / page();
        if control && map.rights == Rights::ReadWrite {
            return Err(Errno::EACCES);
        }
        let table = file.table(export.map(|export| export.table), id)?;
        let pages = (u64::from(table.count) * WORD).div_ceil(page());
        let in_states = u64::from(map.first) + u64::from(map.pages) <= pages;
        let is_control = control && map.pages == 1;
        if !in_states && !is_control {
            return Err(Errno::EINVAL);
        }
        // The pages are made before the words that they replace are given back.
        let needed = table.pages() + table.words();
        if !table.mapped && room.is_some_and(|room| needed > room) {
            return Err(Errno::ENOMEM);
        }
        table.mapped = true;
        table.maps += 1;
        let map = Mapping {
            by,
            file: export.map_or(by, |export| export.file),
            table: id,
            control,
        };
        self.maps.insert(tag, map);
        Ok(())
    }

    /// The table that a mapping is of.
    fn mapped(&mut self, tag: u32) -> Option<&mut Table> {
        let Mapping { file, table, .. } = self.maps.get(&tag)?;
        let file = self.files.get_mut(file)?;
        file.tables.get_mut(table).or(file.ghosts.get_mut(table))
    }

    fn touch(&mut self, tag: u32, addr: u32, touch: Touch, seen: Option<u64>) -> Verdict {
        if self.maps.get(&tag).is_some_and(|map| map.control) {
            return Ok(());
        }
        let table = self.mapped(tag).ok_or("a mapping of nothing")?;
        let context = table.contexts.get_mut(addr);
        let context = context.map_err(|_| "a context beyond the mapping")?;
        let before = context.state();
        match touch {
            Touch::Read => {}
            Touch::Accum(delta) => context.accumulator ^= delta,
            Touch::Store(value) => context.accumulator ^= before ^ value,
        }
        seen.map_or(Ok(()), |seen| {
            same("the state in the mapping", &seen, &before)
        })
    }

    fn unmap(&mut self, tag: u32) {
        if let Some(table) = self.mapped(tag) {
            table.maps -= 1;
        }
        self.maps.remove(&tag);
    }

    fn open(&mut self, access: Access, tag: u32, seen: &Result<i32, Errno>) -> Verdict {
        self.files.insert(
            tag,
            File {
                access,
                tables: BTreeMap::new(),
                ghosts: BTreeMap::new(),
                places: Vec::new(),
                closed: false,
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
        let watches = file.is_some_and(|tag| self.watches.contains_key(&tag));
        let export = file.and_then(|tag| self.exports.get(&tag));
        let access = match export {
            None if watches => Some(Access::Rdonly),
            Some(export) if export.writable => Some(Access::Rdwr),
            Some(_) => Some(Access::Rdonly),
            None => file.and_then(|tag| Some(self.files.get(&tag)?.access)),
        };
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
            Other::Mmap if watches => Errno::ENODEV,
            // The offset of table 0, which never exists.
            Other::Mmap if reads => Errno::ENOENT,
            Other::Mmap => Errno::EACCES,
        }
    }

    fn fd_info(&self, rules: &Rules, tag: Option<u32>, seen: Option<&FdInfo>) -> Verdict {
        let file = tag
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
        let live = self.watches.values().filter(|watch| {
            let of = |id: &u32| tag.is_some_and(|tag| watch.is_of(tag, *id));
            file.tables.keys().any(of)
        });
        same("fdinfo: watches", &seen.watches, &(live.count() as u64))?;
        if file.bytes_known {
            let bytes = file.bytes(rules) + tag.map_or(0, |tag| self.quiet(tag, file));
            same("fdinfo: bytes", &seen.bytes, &bytes)?;
        }
        Ok(())
    }

    fn export_info(&self, rules: &Rules, file: Option<u32>, seen: &ExportInfo) -> Verdict {
        let export = file.and_then(|tag| self.exports.get(&tag));
        let Export {
            file,
            table,
            writable,
        } = *export.ok_or("fdinfo of an export that is none")?;
        let tables = self.files.get(&file).map(|file| &file.tables);
        let expected = ExportInfo {
            table,
            writable,
            bytes: rules.export_bytes,
            contexts: tables.and_then(|tables| Some(tables.get(&table)?.count)),
        };
        same("fdinfo of an export", seen, &expected)
    }

    /// Bytes that count against the limit.
    fn used(&self, rules: &Rules) -> u64 {
        let files = self.files.iter().map(|(&tag, file)| {
            let ghosts = file.ghosts.iter().map(|(&id, table)| {
                if self.watched(tag, id) {
                    table.bytes()
                } else {
                    table.pages()
                }
            });
            ghosts.sum::<u64>() + file.bytes(rules) + self.quiet(tag, file)
        });
        let watches = self.watches.values().map(|watch| watch.bytes(rules));
        let exports = self.exports.len() as u64 * rules.export_bytes;
        files.sum::<u64>() + exports + watches.sum::<u64>()
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
    ) -> Result<Expected, String> {
        let used = self.used(rules);
        let Self {
            files,
            exports,
            watches,
            served,
            ..
        } = self;
        let export = file.and_then(|tag| exports.get(&tag));
        if file.is_some_and(|tag| watches.contains_key(&tag)) {
            return Ok(Errno::ENOTTY.into());
        }
        let tag = file.map(|tag| export.map_or(tag, |export| export.file));
        let watched = |id| {
            watches
                .values()
                .any(|watch| tag.is_some_and(|tag| watch.is_of(tag, id)))
        };
        let Some(file) = tag
            .and_then(|tag| files.get_mut(&tag))
            .filter(|file| file.access != Access::Path)
        else {
            return Ok(Errno::EBADF.into());
        };
        let Some(command) = uapi::Command::find(number) else {
            return Ok(Errno::ENOTTY.into());
        };
        let writes = match export {
            Some(export) => export.writable,
            None => matches!(file.access, Access::Wronly | Access::Rdwr),
        };
        let refused = match (command.served, export) {
            (Served::Never, _) => return Ok(Errno::ENOTTY.into()),
            (_, Some(_)) => match number {
                uapi::IOC_CREATE_TABLE | uapi::IOC_DESTROY_TABLE | uapi::IOC_EXPORT => true,
                // Its entries decide.
                uapi::IOC_BATCH => false,
                _ => command.served == Served::ForWriting && !writes,
            },
            (served, None) => served == Served::ForWriting && !writes,
        };
        if refused {
            return Ok(Errno::EBADF.into());
        }
        let view = View {
            only: export.map(|export| export.table),
            writes,
        };
        if number == uapi::IOC_GET_INFO {
            return get_info(rules, *served, arg, seen, company);
        }
        // What only goes out isn't read, and written once the table has been found.
        let read = match number {
            uapi::IOC_READ => std::mem::offset_of!(uapi::Read, state),
            uapi::IOC_SWAP => std::mem::offset_of!(uapi::Swap, old_state),
            _ => command.size(),
        };
        if !arg.location.readable(0..read) {
            return Ok(Errno::EFAULT.into());
        }
        let room = rules.alone.then(|| rules.limit.saturating_sub(used));
        if number == uapi::IOC_CREATE_TABLE {
            return file.create(rules, room, arg, seen, company);
        }
        if number == uapi::IOC_EXPORT {
            if company == Company::Others && *seen.0 == Err(Errno::ENOMEM) {
                return Ok(Errno::ENOMEM.into());
            }
            let room = room.filter(|_| company == Company::Alone);
            let full = room.is_some_and(|room| rules.export_bytes > room);
            let expected = file.export(full, arg, seen.1);
            return Ok(expected.unwrap_or_else(|errno| errno.into()));
        }
        if number == uapi::IOC_WATCH {
            if company == Company::Others && *seen.0 == Err(Errno::ENOMEM) {
                return Ok(Errno::ENOMEM.into());
            }
            let room = room
                .filter(|_| company == Company::Alone)
                .unwrap_or(u64::MAX);
            let expected = file.watch(rules, view, room, watched, arg, seen.1);
            return Ok(expected.unwrap_or_else(|errno| errno.into()));
        }
        if number == uapi::IOC_TOUCH {
            let touched = file.touch(view, arg);
            return Ok(touched.map_or_else(Errno::into, |()| Expected::new(Ok(()))));
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
                uapi::IOC_BATCH => file.batch(view, room, arg, ops, seen.0),
                number => file.image(view, room, number, arg, ops),
            };
            let (expected, count) = done.unwrap_or_else(|errno| (errno.into(), 0));
            file.ops += count;
            *served += count;
            return Ok(expected);
        }
        let (uapi::IOC_DESTROY_TABLE
        | uapi::IOC_LOAD
        | uapi::IOC_ACCUM
        | uapi::IOC_READ
        | uapi::IOC_SWAP) = number
        else {
            return Err(format!("the oracle does not know {}", command.name));
        };
        let expected = file
            .single(view, number, arg)
            .unwrap_or_else(|errno| errno.into());
        if expected.result.is_ok() && number != uapi::IOC_DESTROY_TABLE {
            file.ops += 1;
            *served += 1;
        }
        Ok(expected)
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, seen: &T, expected: &T) -> Verdict {
    if seen == expected {
        Ok(())
    } else {
        Err(format!("{what}: {seen:?}, and not {expected:?}"))
    }
}
