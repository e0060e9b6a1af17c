// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl batch`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use atomik::{Batch, MAX_BATCH, TableRef};
use indicatif::{ProgressBar, ProgressStyle};

use crate::Global;
use crate::apply::Entry;
use crate::failure::Failure;
use crate::format::Format;
use crate::output::{count, say};
use crate::record::Record;
use crate::script::Op;
use crate::stream::{CsvWriter, Kind};

/// Do a stream of operations on a table, in batches
///
/// Each 4096 entries are one BATCH: isolated from all other operations, and all or nothing. READ and
/// SWAP print the state, as soon as their batch is done. A mistake ends the stream; batches that were
/// complete before it have been done, and the message says how many operations these were. A swap
/// with a new reference takes two entries.
#[derive(clap::Args)]
pub struct Args {
    /// The file with the operations; `-` is standard input
    #[arg(default_value = "-")]
    file: PathBuf,
    /// What the operations are written as; without this, the file's name says it: .jsonl, .csv, or
    /// text
    #[arg(short, long, value_enum)]
    input: Option<Kind>,
    /// What states are printed as; with --json, as JSON Lines
    #[arg(short, long, value_enum, default_value = "text")]
    output: Kind,
    /// How values are printed in text and CSV
    #[arg(short, long, value_enum, default_value_t)]
    format: Format,
    /// Entries of one batch, 1 to 4096
    #[arg(long, value_name = "N", default_value_t = MAX_BATCH, value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_BATCH)))]
    chunk: u32,
    /// Say nothing of what was done
    #[arg(short, long)]
    quiet: bool,
}

impl Args {
    pub fn run(&self, global: &Global) -> Result<(), Failure> {
        let input = self.input.unwrap_or_else(|| Kind::of(&self.file));
        let stdin = self.file == Path::new("-");
        let name = if stdin {
            "<stdin>".into()
        } else {
            self.file.display().to_string()
        };
        let unreadable = |error: io::Error| Failure::usage(&format!("can't read {name}: {error}"));
        let (reader, length): (Box<dyn Read>, _) = if stdin {
            (Box::new(io::stdin().lock()), None)
        } else {
            let file = File::open(&self.file).map_err(unreadable)?;
            let length = file
                .metadata()
                .ok()
                .filter(|m| m.is_file())
                .map(|m| m.len());
            (Box::new(file), length)
        };
        let table = global.target.table()?;
        let output = if global.json { Kind::Json } else { self.output };
        let progress = Progress::new(length, self.quiet);
        let mut stream = Stream {
            table: &table,
            progress: &progress,
            printer: Printer::new(output, self.format)?,
            batch: Batch::with_capacity(self.chunk as usize),
            names: vec![],
            counts: Counts::default(),
        };
        let start = Instant::now();
        let result = self.stream(&mut stream, input, &name, reader);
        progress.clear();
        stream.printer.flush()?;
        if result.is_ok() && !self.quiet {
            let Counts {
                operations,
                batches,
                states,
            } = stream.counts;
            say(format_args!(
                "{} in {}, {} returned, {:.3} s",
                count(operations, "operation", "operations"),
                count(batches, "batch", "batches"),
                count(states, "state", "states"),
                start.elapsed().as_secs_f64(),
            ));
        }
        result
    }

    fn stream(
        &self,
        stream: &mut Stream<'_>,
        input: Kind,
        name: &str,
        reader: impl Read,
    ) -> Result<(), Failure> {
        let mut lines = BufReader::new(reader);
        let mut line = String::new();
        for number in 1.. {
            line.clear();
            let mistake = |stream: &Stream<'_>, message: &str| {
                Failure::usage(&format!("{name}:{number}: {message}"))
                    .with_hint(&stream.counts.done())
            };
            let length = match lines.read_line(&mut line) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) => return Err(mistake(stream, &error.to_string())),
            };
            match input.parse(&line, number) {
                Ok(None) => {}
                Ok(Some(op)) => stream.push(op, self.chunk as usize)?,
                Err(message) => return Err(mistake(stream, &message)),
            }
            stream.progress.advance(length);
        }
        stream.run()
    }
}

/// Operations on their way.
struct Stream<'a> {
    table: &'a TableRef,
    progress: &'a Progress,
    printer: Printer,
    batch: Batch,
    /// Of each operation in the batch, its name, and how many entries it takes.
    names: Vec<(&'static str, usize)>,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    operations: usize,
    batches: usize,
    states: usize,
}

impl Counts {
    fn done(&self) -> String {
        match self.operations {
            0 => "nothing was done".into(),
            n => format!(
                "the first {} before it were done",
                count(n, "operation", "operations")
            ),
        }
    }
}

impl Stream<'_> {
    /// Takes an operation, and runs what came before it where it doesn't fit in any more.
    fn push(&mut self, op: Op, chunk: usize) -> Result<(), Failure> {
        let (first, second) = match op {
            Op::Load { addr, value } => (Entry::Load { addr, value }, None),
            Op::Accum { addr, delta } => (Entry::Accum { addr, delta }, None),
            Op::Read { addr } => (Entry::Read { addr }, None),
            Op::Swap { addr, new } => {
                let load = new.map(|new| Entry::Load {
                    addr,
                    value: new.get(),
                });
                (Entry::Swap { addr }, load)
            }
        };
        let entries = 1 + usize::from(second.is_some());
        // A swap of two entries is never divided.
        if self.batch.len() + entries > chunk.max(2) {
            self.run()?;
        }
        first.push(&mut self.batch);
        if let Some(second) = second {
            second.push(&mut self.batch);
        }
        self.names.push((op.name(), entries));
        if self.batch.len() >= chunk {
            self.run()?;
        }
        Ok(())
    }

    /// Runs what was collected.
    fn run(&mut self) -> Result<(), Failure> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let results = (self.table.run(&mut self.batch))
            .map_err(|e| Failure::of(&e).with_hint(&self.counts.done()))?;
        let before = self.counts.states;
        let mut returned = results.iter().peekable();
        let mut entry = 0;
        for &(name, entries) in &self.names {
            if let Some(result) = returned.next_if(|result| result.entry == entry) {
                self.counts.states += 1;
                self.printer
                    .state(self.table.id(), name, result.addr, result.state)?;
            }
            entry += entries;
        }
        drop(returned);
        if self.counts.states > before {
            self.progress.interrupted(|| self.printer.flush())?;
        }
        self.counts.operations += self.names.len();
        self.counts.batches += 1;
        self.batch.clear();
        self.names.clear();
        Ok(())
    }
}

/// Room for what a batch can print, whatever it's printed as: nothing is written before its end.
const ROOM: usize = 128 * MAX_BATCH as usize;

/// What states are printed with.
enum Printer {
    Lines {
        out: BufWriter<io::StdoutLock<'static>>,
        json: bool,
        format: Format,
    },
    Csv {
        out: Box<CsvWriter<io::StdoutLock<'static>>>,
        format: Format,
    },
}

impl Printer {
    fn new(kind: Kind, format: Format) -> Result<Self, Failure> {
        let out = io::stdout().lock();
        Ok(match kind {
            Kind::Csv => Self::Csv {
                out: Box::new(CsvWriter::new(out, ROOM)?),
                format,
            },
            kind => Self::Lines {
                out: BufWriter::with_capacity(ROOM, out),
                json: kind == Kind::Json,
                format,
            },
        })
    }

    fn state(
        &mut self,
        table: u32,
        op: &'static str,
        addr: u32,
        state: u64,
    ) -> Result<(), Failure> {
        match self {
            Self::Csv { out, format } => out.state(op, addr, &format.value(state)),
            Self::Lines {
                out, json: true, ..
            } => Ok(Record::unnumbered(op, table, addr, state).print(out, true)?),
            Self::Lines { out, format, .. } => {
                Ok(writeln!(out, "{op} {addr} = {}", format.value(state))?)
            }
        }
    }

    fn flush(&mut self) -> Result<(), Failure> {
        match self {
            Self::Csv { out, .. } => out.flush(),
            Self::Lines { out, .. } => Ok(out.flush()?),
        }
    }
}

/// How far a stream is, on a terminal only, and where it takes longer than a moment.
struct Progress(ProgressBar);

impl Progress {
    fn new(length: Option<u64>, quiet: bool) -> Self {
        if quiet || !io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = match length {
            Some(length) => ProgressBar::new(length),
            None => ProgressBar::new_spinner(),
        };
        let template = match length {
            Some(_) => "{wide_bar} {bytes} of {total_bytes}, {eta} left",
            None => "{spinner} {bytes}, {bytes_per_sec}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self(bar)
    }

    fn advance(&self, bytes: usize) {
        self.0.inc(bytes as u64);
    }

    /// Prints something, maybe on the same terminal, without the bar in between.
    fn interrupted<R>(&self, print: impl FnOnce() -> R) -> R {
        self.0.suspend(print)
    }

    fn clear(&self) {
        self.0.finish_and_clear();
    }
}
