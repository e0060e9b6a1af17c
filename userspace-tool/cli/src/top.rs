// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl top`.

use std::io::IsTerminal;
use std::time::Duration;

use serde::Serialize;

use crate::failure::Failure;
use crate::global::Global;
use crate::output::Output;
use crate::target::{OpenTable, name_of};

mod open_files;
mod screen;
mod terminal;

use open_files::{OpenFiles, Row};

/// Show who has the device open, live
///
/// Shows the open files of your processes, or of all for root: their tables, the operations per
/// second, and the contexts that change in the chosen file. With -s or --fd, only that file;
/// -t chooses the table that is shown first. Keys: arrows or j and k choose a file, Tab the next
/// of its tables, q ends.
///
/// A table that was exported, `ro` (read-only) or `rw`, is a file of its own. All operations on it
/// count for the file that it belongs to.
///
/// The kernel tells of changes, but not of files. So `top` looks each --interval at the files that
/// it knows, and goes through /proc where files were opened or closed; now and then it does so in
/// any case.
#[derive(clap::Args)]
pub struct Args {
    /// Print the files once, as text or with --json, and end
    #[arg(long, conflicts_with = "table")]
    once: bool,
    /// Milliseconds between two looks
    #[arg(
        long,
        value_name = "MS",
        default_value_t = 1000,
        value_parser = clap::value_parser!(u64).range(50..=60_000)
    )]
    interval: u64,
    #[command(flatten)]
    target: OpenTable,
}

/// A file, in JSON.
#[derive(Serialize)]
struct Record<'a> {
    pid: i32,
    fd: i32,
    command: &'a str,
    session: Option<&'a str>,
    descriptors: usize,
    export: Option<&'static str>,
    tables: Vec<Table>,
    bytes: u64,
    ops: u64,
    ops_per_second: f64,
}

#[derive(Serialize)]
struct Table {
    table: u32,
    contexts: u32,
}

impl Args {
    pub fn run(&self, global: &Global) -> Result<(), Failure> {
        let interval = Duration::from_millis(self.interval);
        // A pipe and JSON get one report.
        if self.once || global.json || !std::io::stdout().is_terminal() {
            return self.print(global, interval);
        }
        let mut files = self.open_files()?;
        match self.target.table {
            Some(id) if !files.choose_table(id) => Err(Failure::plain(&format!(
                "there is no table {id}"
            ))
            .with_hint(
                "choose the file with -s NAME or --fd N; `atomikctl list` shows its tables",
            )),
            _ => screen::run(files, interval),
        }
    }

    fn open_files(&self) -> Result<OpenFiles, Failure> {
        // $ATOMIK_SESSION is ignored: it should not hide the other files.
        let file = &self.target.file;
        OpenFiles::new(file.is_named().then(|| file.open()).transpose()?)
    }

    /// Looks twice, for the operations per second, and prints.
    fn print(&self, global: &Global, interval: Duration) -> Result<(), Failure> {
        let mut files = self.open_files()?;
        std::thread::sleep(interval);
        files.refresh()?;
        let mut out = Output::new(global.json);
        if !files.rows().is_empty() {
            out.text(Row::heading())?;
        }
        for row in files.rows() {
            let file = &row.file;
            let table = |t: &atomik::TableUsage| Table {
                table: t.id,
                contexts: t.contexts,
            };
            let record = Record {
                pid: file.pid,
                fd: file.descriptor,
                command: &file.command,
                session: file.session.as_ref().map(|name| name.as_str()),
                descriptors: file.descriptors,
                export: file.usage.export.map(name_of),
                tables: file.usage.tables.iter().map(table).collect(),
                bytes: file.usage.bytes,
                ops: file.usage.ops,
                ops_per_second: row.rate,
            };
            out.record(&record, row)?;
        }
        out.flush()
    }
}
