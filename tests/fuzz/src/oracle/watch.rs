// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Watch`]: a watch, what it has to tell, and the calls on its descriptor.

use super::{
    Company, Rules, Verdict, World,
    expected::{Write, compare, partly, u32_at, u64_at},
    file::{self, File, Table, copy_bytes},
    same,
};
use crate::{
    encode::ENTRY,
    event::Buffer,
    location::{Location, Nowhere},
    program::{Access, Map, Other, Rights},
};
use atomik_test_support::{fdinfo::WatchInfo, model::Entry};
use atomik_uapi as uapi;
use nix::{errno::Errno, libc};

/// Bytes of a change.
const CHANGE: usize = size_of::<uapi::Change>();

/// A watch. It holds the table, whose file may be closed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Watch {
    file: u32,
    table: u32,
    first: u32,
    /// Whether each of its contexts is still to be told.
    marks: Vec<bool>,
    /// A read beside others has failed. What it couldn't hand over is told again, also where that
    /// has been told since.
    retold: bool,
}

impl Watch {
    pub fn is_of(&self, file: u32, table: u32) -> bool {
        (self.file, self.table) == (file, table)
    }

    /// Bytes that count against the limit.
    pub fn bytes(&self, rules: &Rules) -> u64 {
        rules.watch_bytes + marks_bytes(self.marks.len() as u32)
    }

    /// The addresses that are still to be told.
    fn marked(&self) -> impl Iterator<Item = u32> {
        let marked = (self.first..).zip(&self.marks).filter(|(_, mark)| **mark);
        marked.map(|(addr, _)| addr)
    }
}

/// Bytes of the marks of so many contexts: a bit for each, and one for each word of these.
pub fn marks_bytes(count: u32) -> u64 {
    let words = u64::from(count).div_ceil(64);
    ((words + words.div_ceil(64)) * 8).next_power_of_two()
}

/// Bytes of the flags of a watched table.
pub(super) fn quiet_bytes(count: u32) -> u64 {
    u64::from(count).next_power_of_two()
}

/// The error of mapping a watch.
pub(super) fn map_error(map: &Map) -> Errno {
    if map.pages == 0 {
        Errno::EINVAL
    } else if map.rights == Rights::ReadWrite && !map.private {
        Errno::EACCES
    } else if map.rights == Rights::Execute {
        Errno::EPERM
    } else {
        Errno::ENODEV
    }
}

/// The addresses of contexts that a call changes, or says to have changed, where it succeeds.
pub(super) fn changed(number: u32, arg: &Buffer, ops: Option<&(u64, Buffer)>) -> Vec<u32> {
    let word = |at| u32_at(&arg.before, at);
    match number {
        uapi::IOC_LOAD => vec![word(4)],
        // A delta, or a new reference.
        uapi::IOC_ACCUM | uapi::IOC_SWAP if u64_at(&arg.before, 8) != 0 => vec![word(4)],
        uapi::IOC_RESTORE | uapi::IOC_TOUCH => (word(4)..word(4) + word(8)).collect(),
        uapi::IOC_BATCH => {
            let given = ops.map_or(&[][..], |(_, ops)| &ops.before);
            let entries = given.chunks_exact(ENTRY).take(word(4) as usize);
            let entries = entries.filter_map(file::entry);
            let changes = |entry: &Entry| match entry {
                Entry::Load { .. } | Entry::Set { .. } => true,
                Entry::Accum { delta, .. } => *delta != 0,
                _ => false,
            };
            entries.filter(changes).map(|entry| entry.addr()).collect()
        }
        _ => Vec::new(),
    }
}

impl World {
    /// Whether somebody watches a table.
    pub(super) fn watched(&self, file: u32, table: u32) -> bool {
        self.watches.values().any(|watch| watch.is_of(file, table))
    }

    /// Bytes of the flags of a file's watched tables.
    pub(super) fn quiet(&self, tag: u32, file: &File) -> u64 {
        let tables = file.tables.iter().filter(|(id, _)| self.watched(tag, **id));
        tables.map(|(_, table)| quiet_bytes(table.count)).sum()
    }

    /// Installs the descriptor that WATCH has made.
    pub(super) fn watch(
        &mut self,
        file: Option<u32>,
        tag: u32,
        arg: &Buffer,
        after: &[u8],
    ) -> Verdict {
        let by = file.ok_or("a watch on nothing")?;
        let word = |at| u32_at(&arg.before, at);
        let watch = Watch {
            file: self.exports.get(&by).map_or(by, |export| export.file),
            table: word(0),
            first: word(4),
            marks: vec![true; word(8) as usize],
            retold: false,
        };
        self.watches.insert(tag, watch);
        let field = std::mem::offset_of!(uapi::Watch, fd);
        self.install(tag, &Ok(u32_at(after, field) as i32))
    }

    /// Notes changes for all that watch the table.
    pub(super) fn tell(&mut self, file: Option<u32>, table: u32, changed: &[u32]) {
        let Some(by) = file else { return };
        let file = self.exports.get(&by).map_or(by, |export| export.file);
        let watches = self.watches.values_mut();
        for watch in watches.filter(|watch| watch.is_of(file, table)) {
            for addr in changed {
                let mark = watch.marks.get_mut(addr.wrapping_sub(watch.first) as usize);
                if let Some(mark) = mark {
                    *mark = true;
                }
            }
        }
    }

    /// The watch with this tag, its table, and whether that is gone.
    fn watch_and_table(&self, tag: u32) -> Option<(&Watch, &Table, bool)> {
        let watch = self.watches.get(&tag)?;
        let file = self.files.get(&watch.file)?;
        match file.tables.get(&watch.table) {
            Some(table) => Some((watch, table, false)),
            None => Some((watch, file.ghosts.get(&watch.table)?, true)),
        }
    }

    /// Reads from a descriptor.
    ///
    /// Beside others, a watch may know of a change, or of the end of its table, a moment later than
    /// who looks at the table; and what another reader takes and can't be given is missing
    /// meanwhile.
    pub(super) fn read(
        &mut self,
        rules: &Rules,
        file: Option<u32>,
        to: &Buffer,
        (seen, after): (&Result<usize, Errno>, &[u8]),
        company: Company,
    ) -> Verdict {
        let found = file.and_then(|tag| Some((tag, self.watch_and_table(tag)?)));
        let Some((tag, (watch, table, gone))) = found else {
            compare("the buffer", &to.before, after, &[])?;
            return same("read", seen, &Err(self.other(file, Other::Read)));
        };
        let most = to.before.len() / CHANGE;
        let others = company == Company::Others;
        let loose = others || watch.retold;
        let (told, expected) = if beyond(to.location) {
            (Vec::new(), Err(Errno::EFAULT))
        } else if most == 0 {
            (Vec::new(), Err(Errno::EINVAL))
        } else if others && matches!(seen, Err(Errno::EAGAIN | Errno::ENOMEM)) {
            (Vec::new(), *seen)
        } else if loose && seen.is_ok() {
            // Some that another reader hasn't taken.
            let records = after.get(..seen.unwrap_or_default());
            let records = records.ok_or("more than fits was read")?;
            let told = records.chunks(CHANGE).map(|record| u32_at(record, 0));
            let told: Vec<u32> = told.collect();
            let rising = told.is_sorted_by(|one, next| one < next);
            let own = |addr: &u32| addr.wrapping_sub(watch.first) < watch.marks.len() as u32;
            if !rising || !told.iter().all(own) || (told.is_empty() && !gone) {
                return Err(format!("a read told of {told:?}"));
            }
            let length = told.len() * CHANGE;
            (told, Ok(length))
        } else if loose && *seen == Err(Errno::EFAULT) && !to.location.writable(0..to.before.len())
        {
            (Vec::new(), *seen)
        } else {
            let told: Vec<u32> = watch.marked().take(most).collect();
            let room = rules.limit.saturating_sub(self.used(rules));
            let fits = !rules.alone || others || copy_bytes(told.len() as u32) <= room;
            let expected = if told.is_empty() && !gone {
                Err(Errno::EAGAIN)
            } else if !told.is_empty() && !fits {
                Err(Errno::ENOMEM)
            } else if to.location.writable(0..told.len() * CHANGE) {
                Ok(told.len() * CHANGE)
            } else {
                Err(Errno::EFAULT)
            };
            (told, expected)
        };
        same("read", seen, &expected)?;
        let first = watch.first;
        let mut bytes = Vec::new();
        for addr in &told {
            let context = table.contexts.get(*addr);
            let state = context
                .map_err(|_| format!("{addr} is not in the table"))?
                .state();
            bytes.extend([*addr, 0].map(u32::to_ne_bytes).concat());
            bytes.extend(state.to_ne_bytes());
        }
        let writes = match expected {
            Ok(_) => vec![Write::certain(0, &bytes)],
            // Whatever was there to be told.
            Err(Errno::EFAULT) if loose => partly(to.location, 0, after),
            Err(Errno::EFAULT) => partly(to.location, 0, &bytes),
            Err(_) => Vec::new(),
        };
        compare("the buffer", &to.before, after, &writes)?;
        let watch = self.watches.get_mut(&tag).ok_or("no watch")?;
        watch.retold |= others && expected == Err(Errno::EFAULT) && !beyond(to.location);
        if expected.is_ok() {
            for addr in told {
                let retold = watch.retold;
                let mark = watch.marks.get_mut(addr.wrapping_sub(first) as usize);
                let mark = mark.filter(|mark| **mark || retold);
                *mark.ok_or_else(|| format!("{addr} had not changed"))? = false;
            }
            let whole = to.before.len() >= watch.marks.len() * CHANGE;
            if !others && whole && watch.marked().next().is_some() {
                let left: Vec<u32> = watch.marked().collect();
                return Err(format!("{left:?} were not told"));
            }
        }
        Ok(())
    }

    /// Asks what a descriptor is ready for. Beside others, it may know a moment later.
    pub(super) fn poll(
        &self,
        fd: i32,
        file: Option<u32>,
        seen: &Result<i32, Errno>,
        company: Company,
    ) -> Verdict {
        let reading = libc::POLLIN | libc::POLLRDNORM;
        let path = |tag| {
            let file = self.files.get(&tag);
            file.is_some_and(|file| file.access == Access::Path)
        };
        let expected = match file {
            Some(tag) if !path(tag) => match self.watch_and_table(tag) {
                Some((.., true)) => reading | libc::POLLHUP,
                Some((watch, ..)) if watch.marked().next().is_some() => reading,
                Some(_) => 0,
                // As all files without an answer of their own.
                None => reading | libc::POLLOUT | libc::POLLWRNORM,
            },
            // What poll is told to leave out.
            None if fd < 0 => 0,
            _ => libc::POLLNVAL,
        };
        let watch = file.and_then(|tag| self.watches.get(&tag));
        if watch.is_some_and(|watch| watch.retold) {
            return Ok(());
        }
        let later = [0, reading.into()];
        if company == Company::Others
            && watch.is_some()
            && seen.is_ok_and(|seen| later.contains(&seen))
        {
            return same("poll", &(seen.unwrap_or(0) & !i32::from(expected)), &0);
        }
        same("poll", seen, &Ok(expected.into()))
    }

    pub(super) fn watch_info(&self, rules: &Rules, file: Option<u32>, seen: &WatchInfo) -> Verdict {
        let found = file.and_then(|tag| self.watch_and_table(tag));
        let (watch, table, gone) = found.ok_or("fdinfo of a watch that is none")?;
        let expected = WatchInfo {
            table: watch.table,
            addr: watch.first,
            count: watch.marks.len() as u32,
            changed: if watch.retold {
                seen.changed
            } else {
                watch.marked().count() as u32
            },
            bytes: watch.bytes(rules),
            contexts: (!gone).then_some(table.count),
        };
        same("fdinfo of a watch", seen, &expected)
    }
}

/// Whether a buffer there is beyond the addresses of programs, as the kernel sees at once.
fn beyond(location: Location) -> bool {
    match location {
        Location::At(..) => false,
        Location::Nowhere(nowhere) => !matches!(nowhere, Nowhere::Null | Nowhere::Low),
    }
}
