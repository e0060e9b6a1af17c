// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`OpenFiles`]: the open files of the device, as `top` shows them.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::time::Instant;

use atomik::session::OpenFile;
use atomik::{Context, Device, Rights};

use crate::failure::Failure;
use crate::printable::printable;

/// The number of changes that are kept.
const REMEMBERED: usize = 200;

/// An open file, and the rate of its operations.
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
}

/// The number of looks for which the chosen file stays though `/proc` missed its process.
const PATIENCE: u32 = 3;

/// The states and changes of the chosen table.
#[derive(Default)]
struct Detail {
    /// The table's id.
    of: Option<u32>,
    /// The number of looks that missed the file.
    missed: u32,
    device: Option<Device>,
    states: Vec<u64>,
    changes: VecDeque<(u32, u64, u64)>,
    /// The number of operations that looking itself took since the last look.
    own: u64,
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
        };
        files.refresh()?;
        Ok(files)
    }

    /// Finds the open files again.
    pub fn refresh(&mut self) -> Result<(), Failure> {
        let mut files = OpenFile::find().map_err(|e| Failure::session(&e))?;
        if let Some(only) = &self.only {
            files.retain(|file| file.is_of(only));
        }
        let now = Instant::now();
        let seconds = now.duration_since(self.looked).as_secs_f64();
        let chosen = self.chosen().map(|row| (row.file.pid, row.file.descriptor));
        let ops = |row: &Row| ((row.file.pid, row.file.descriptor), row.file.usage.ops);
        let before: HashMap<_, u64> = self.rows.iter().map(ops).collect();
        let rows = files.into_iter().map(|file| {
            let before = before.get(&(file.pid, file.descriptor));
            let done = before.map_or(0, |ops| file.usage.ops.saturating_sub(*ops));
            // Leave out the operations of looking.
            let done = match chosen == Some((file.pid, file.descriptor)) {
                true => done.saturating_sub(self.detail.own),
                false => done,
            };
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
                self.detail.own = 0;
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
        self.rows = rows;
        Ok(())
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

    /// True once the states of the chosen table are known, from which changes are found.
    pub fn has_looked(&self) -> bool {
        !self.detail.states.is_empty()
    }

    /// Why the chosen table can't be read.
    pub fn error(&self) -> Option<&str> {
        self.detail.error.as_deref()
    }

    /// Reads the chosen table and finds its changes.
    pub fn look_inside(&mut self) {
        let of = self.table().map(|(table, _)| table);
        if self.detail.of != of {
            self.detail = Detail {
                of,
                ..Detail::default()
            };
        }
        let Some((row, (table, contexts))) = self.rows.get(self.chosen).zip(self.table()) else {
            return;
        };
        if let Err(error) = self.detail.look(&row.file, table, contexts) {
            self.detail.error = Some(error);
        }
    }
}

impl Detail {
    fn look(&mut self, file: &OpenFile, id: u32, contexts: u32) -> Result<(), String> {
        let device = match self.device.take() {
            Some(device) => device,
            None => file.device().map_err(|error| error.to_string())?,
        };
        let tables = device.tables().map_err(|error| error.to_string())?;
        let table = tables.iter().find(|table| table.id() == id);
        let table = table.ok_or("the table is gone")?;
        let image = table
            .snapshot(0..contexts)
            .map_err(|error| error.to_string())?;
        self.own += u64::from(contexts);
        let states: Vec<u64> = image.into_iter().map(Context::state).collect();
        for (addr, (&before, &after)) in (0..).zip(self.states.iter().zip(&states)) {
            if before != after {
                self.changes.push_front((addr, before, after));
            }
        }
        self.changes.truncate(REMEMBERED);
        self.states = states;
        self.device = Some(device);
        self.error = None;
        Ok(())
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
