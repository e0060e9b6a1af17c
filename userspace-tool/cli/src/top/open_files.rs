// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`OpenFiles`]: the open files of the device, as `top` shows them.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;
use std::{fmt, fs, mem};

use atomik::session::OpenFile;
use atomik::{Device, Rights, Usage};

use crate::changes::Changes;
use crate::failure::Failure;
use crate::printable::printable;

/// The number of changes that are kept.
const REMEMBERED: usize = 200;

/// An open file, and the rate of its operations.
#[derive(PartialEq)]
pub struct Row {
    pub file: OpenFile,
    /// Operations per second since the last look.
    pub rate: f64,
}

/// The open files, the chosen one, and the changes in its chosen table.
pub struct OpenFiles {
    /// The only file to show; without it, all are shown.
    only: Option<Device>,
    rows: Vec<Row>,
    looked: Instant,
    chosen: usize,
    /// The number of the chosen table in the chosen file.
    table: usize,
    detail: Detail,
    /// The number of files of the driver that the kernel counted last, where it counts them.
    counted: Option<String>,
    /// The number of looks since files were opened or closed.
    calm: u32,
    /// True where something may have to be drawn again.
    changed: bool,
}

/// The number of looks of which one goes through all of `/proc`, though nothing seems to have
/// been opened or closed.
const CALM: u32 = 10;

/// The number of looks for which the chosen file stays though `/proc` missed its process.
const PATIENCE: u32 = 3;

/// The changes of the chosen table.
#[derive(Default)]
struct Detail {
    /// The table's id.
    of: Option<u32>,
    /// The number of looks that missed the file.
    missed: u32,
    device: Option<Device>,
    watch: Option<Changes>,
    changes: VecDeque<(u32, u64, u64)>,
    error: Option<String>,
}

impl OpenFiles {
    pub fn new(only: Option<Device>) -> Result<Self, Failure> {
        let mut files = Self {
            only,
            rows: vec![],
            looked: Instant::now(),
            chosen: 0,
            table: 0,
            detail: Detail::default(),
            counted: None,
            calm: 0,
            changed: false,
        };
        files.refresh()?;
        Ok(files)
    }

    /// Looks at the open files again. Nothing tells of files that are opened, and going through
    /// `/proc` costs much. So this is done where the kernel counts another number of files, where
    /// a known one is gone, and now and then.
    pub fn refresh(&mut self) -> Result<(), Failure> {
        let counted = fs::read_to_string("/sys/module/atomik/refcnt").ok();
        let known: Option<Vec<_>> = self.rows.iter().map(|row| again(&row.file)).collect();
        let same = counted.is_some() && mem::replace(&mut self.counted, counted.clone()) == counted;
        self.calm = match known {
            Some(_) if same => self.calm.saturating_add(1),
            _ => 0,
        };
        let files = match known {
            // Once more at the next look: a session opens its file before it has its name.
            Some(known) if self.calm > 1 && self.calm % CALM != 0 => known,
            _ => {
                let mut files = OpenFile::find().map_err(|e| Failure::session(&e))?;
                if let Some(only) = &self.only {
                    files.retain(|file| file.is_of(only));
                }
                files
            }
        };
        let now = Instant::now();
        let seconds = now.duration_since(self.looked).as_secs_f64();
        let chosen = self.chosen().map(|row| (row.file.pid, row.file.descriptor));
        let ops = |row: &Row| ((row.file.pid, row.file.descriptor), row.file.usage.ops);
        let before: HashMap<_, u64> = self.rows.iter().map(ops).collect();
        let rows = files.into_iter().map(|file| {
            let before = before.get(&(file.pid, file.descriptor));
            let done = before.map_or(0, |ops| file.usage.ops.saturating_sub(*ops));
            let rate = if seconds > 0.0 {
                done as f64 / seconds
            } else {
                0.0
            };
            Row { file, rate }
        });
        let mut rows: Vec<Row> = rows.collect();
        self.looked = now;
        // The chosen file stays chosen, though its row or process may be another.
        let is_chosen = |row: &Row| match &self.detail.device {
            Some(device) => row.file.is_of(device),
            None => Some((row.file.pid, row.file.descriptor)) == chosen,
        };
        match rows.iter().position(is_chosen) {
            Some(index) => {
                self.chosen = index;
                self.detail.missed = 0;
            }
            None if self.detail.device.is_some() && self.detail.missed < PATIENCE => {
                self.detail.missed += 1;
                if self.chosen < self.rows.len() {
                    let index = self.chosen.min(rows.len());
                    rows.insert(index, self.rows.swap_remove(self.chosen));
                    self.chosen = index;
                }
            }
            None => {
                self.detail = Detail::default();
                self.chosen = self.chosen.min(rows.len().saturating_sub(1));
            }
        }
        self.changed |= self.rows != rows;
        self.rows = rows;
        Ok(())
    }

    /// True where the files, the choice or the changes are others than at the last call.
    pub fn has_changed(&mut self) -> bool {
        mem::take(&mut self.changed)
    }

    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub fn chosen(&self) -> Option<&Row> {
        self.rows.get(self.chosen)
    }

    pub fn chosen_index(&self) -> usize {
        self.chosen
    }

    /// Chooses the next file, or the one before, where there is one.
    pub fn choose(&mut self, forward: bool) {
        let chosen = if forward {
            (self.chosen + 1).min(self.rows.len().saturating_sub(1))
        } else {
            self.chosen.saturating_sub(1)
        };
        if chosen != self.chosen {
            self.chosen = chosen;
            self.table = 0;
            self.detail = Detail::default();
            self.changed = true;
        }
    }

    /// Chooses a table of the file by its id. Returns false where it has no such table.
    pub fn choose_table(&mut self, id: u32) -> bool {
        let index = |row: &Row| {
            row.file
                .usage
                .tables
                .iter()
                .position(|table| table.id == id)
        };
        let index = self.chosen().and_then(index);
        self.table = index.unwrap_or(self.table);
        index.is_some()
    }

    /// Chooses the next table of the file.
    pub fn next_table(&mut self) {
        self.table += 1;
    }

    /// The chosen table's id and number of contexts.
    pub fn table(&self) -> Option<(u32, u32)> {
        let tables = &self.chosen()?.file.usage.tables;
        let number = self.table.checked_rem(tables.len())?;
        tables.get(number).map(|table| (table.id, table.contexts))
    }

    /// The changes in the chosen table, the latest first: address, before, after.
    pub fn changes(&self) -> impl Iterator<Item = &(u32, u64, u64)> {
        self.detail.changes.iter()
    }

    /// True once the chosen table is watched.
    pub fn has_looked(&self) -> bool {
        self.detail.watch.is_some()
    }

    /// Why the chosen table can't be read.
    pub fn error(&self) -> Option<&str> {
        self.detail.error.as_deref()
    }

    /// Finds the changes in the chosen table.
    pub fn look_inside(&mut self) {
        let of = self.table().map(|(table, _)| table);
        if self.detail.of != of {
            self.detail = Detail {
                of,
                ..Detail::default()
            };
            self.changed = true;
        }
        let Some((row, (table, contexts))) = self.rows.get(self.chosen).zip(self.table()) else {
            return;
        };
        let error = match self.detail.look(&row.file, table, contexts) {
            Ok(changed) => {
                self.changed |= changed;
                None
            }
            Err(error) => Some(error),
        };
        self.changed |= self.detail.error != error;
        self.detail.error = error;
    }
}

/// The same file at a later look, where it is still open in that process.
fn again(file: &OpenFile) -> Option<OpenFile> {
    let text = fs::read_to_string(format!("/proc/{}/fdinfo/{}", file.pid, file.descriptor)).ok()?;
    let mut file = file.clone();
    file.usage = Usage::parse(&text)?;
    Some(file)
}

impl Detail {
    /// Returns true where there is something new.
    fn look(&mut self, file: &OpenFile, id: u32, contexts: u32) -> Result<bool, String> {
        let mut new = false;
        let watch = match &mut self.watch {
            Some(watch) => watch,
            none => {
                let device = file.device().map_err(|error| error.to_string())?;
                let tables = device.tables().map_err(|error| error.to_string())?;
                let table = tables.iter().find(|table| table.id() == id);
                let table = table.ok_or("the table is gone")?;
                let watch = Changes::of(table, 0..=contexts.saturating_sub(1))
                    .map_err(|error| error.to_string())?;
                self.device = Some(device);
                new = true;
                none.insert(watch)
            }
        };
        let changes = watch.take().map_err(|error| error.to_string())?;
        for change in changes.ok_or("the table is gone")? {
            // The first states are no changes.
            if let Some(before) = change.before {
                self.changes.push_front((change.addr, before, change.after));
                new = true;
            }
        }
        self.changes.truncate(REMEMBERED);
        Ok(new)
    }
}

impl Row {
    pub fn heading() -> String {
        format!(
            "{:>7} {:>4}  {:<15}  {:<12}  {:>6}  {:>8}  {:>8}  {:>12}  {:>10}",
            "pid", "fd", "command", "session", "tables", "contexts", "KiB", "ops", "ops/s"
        )
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = &self.file;
        // A process chooses its own name, which may have control characters.
        let command: String = printable(&file.command).chars().take(15).collect();
        let session = file.session.as_ref().map_or("-", |name| name.as_str());
        let (pid, fd, contexts) = (file.pid, file.descriptor, file.usage.contexts());
        let mut tables = file.usage.tables.len().to_string();
        let kib = file.usage.bytes.div_ceil(1024);
        let [ops, rate] = match file.usage.export {
            None => [file.usage.ops.to_string(), format!("{:.0}", self.rate)],
            // They count for the file that the table belongs to.
            Some(rights) => {
                tables += match rights {
                    Rights::ReadOnly => " ro",
                    Rights::ReadWrite => " rw",
                };
                ["-", "-"].map(String::from)
            }
        };
        write!(
            f,
            "{pid:>7} {fd:>4}  {command:<15}  {session:<12}  {tables:>6}  {contexts:>8}  \
             {kib:>8}  {ops:>12}  {rate:>10}",
        )
    }
}
