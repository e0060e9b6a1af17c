// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl batch`.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::PathBuf;
use std::time::Instant;

use atomik::{Batch, MAX_BATCH, TableRef};
use indicatif::{ProgressBar, ProgressStyle};

use crate::failure::Failure;
use crate::format::Format;
use crate::global::Global;
use crate::lines::Lines;
use crate::output::count;
use crate::record::Record;
use crate::script::Op;
use crate::stream::{HEADING, Kind, Operations};
use crate::target::OpenTable;

/// Run a stream of operations on a table, in batches
///
/// Each 4096 entries are one BATCH: isolated from all other operations, and all or nothing. READ
/// and SWAP print the state, as soon as their batch is done. A mistake ends the stream; batches
/// that were complete before it have been done, and the message says how many operations they
/// had. A swap with a new reference takes two entries.
///
/// `expect ADDR VALUE` is a condition, which begins a batch of its own: lines of `expect` and all
/// that follows them, up to the next `expect` or the end, are done where each of these states is
/// the expected one. Where one isn't, nothing of that batch is done, the stream ends, and the exit
/// status is 4.
#[derive(clap::Args)]
pub struct Args {
    /// The file with the operations; `-` is standard input
    #[arg(default_value = "-")]
    file: PathBuf,
    /// The input's format; by default the file's name decides: .jsonl, .csv, or text
    #[arg(short, long, value_enum)]
    input: Option<Kind>,
    /// The output's format; by default text, or JSON Lines with --json
    #[arg(short, long, value_enum)]
    output: Option<Kind>,
    /// The format of values in text and CSV
    #[arg(short, long, value_enum, default_value_t)]
    format: Format,
    /// Entries of one batch, 1 to 4096
    #[arg(
        long,
        value_name = "N",
        default_value_t = MAX_BATCH,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_BATCH))
    )]
    chunk: u32,
    /// Don't print a summary or progress
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    target: OpenTable,
}

impl Args {
    pub fn run(&self, global: &Global) -> Result<(), Failure> {
        let input = self.input.unwrap_or_else(|| Kind::of(&self.file));
        let mut lines = Lines::open(&self.file)?;
        let table = self.target.open()?;
        let output = match (self.output, global.json) {
            (Some(Kind::Text | Kind::Csv), true) => {
                return Err(Failure::usage(
                    "--json and --output contradict each other: leave one out",
                ));
            }
            (Some(output), _) => output,
            (None, true) => Kind::Json,
            (None, false) => Kind::Text,
        };
        let progress = Progress::new(lines.length(), self.quiet);
        let mut stream = Stream {
            table: &table,
            progress: &progress,
            printer: Printer::new(output, self.format)?,
            batch: Batch::with_capacity(self.chunk as usize),
            operations: vec![],
            counts: Counts::default(),
        };
        let start = Instant::now();
        let result = self.stream(&mut stream, Operations::new(input), &mut lines);
        progress.clear();
        let flushed = stream.printer.out.flush();
        result?;
        flushed?;
        if !self.quiet {
            let Counts {
                operations,
                batches,
                states,
            } = stream.counts;
            global.say(format_args!(
                "{} in {}, {} returned, {:.3} s",
                count(operations, "operation", "operations"),
                count(batches, "batch", "batches"),
                count(states, "state", "states"),
                start.elapsed().as_secs_f64(),
            ));
        }
        Ok(())
    }

    fn stream(
        &self,
        stream: &mut Stream<'_>,
        mut operations: Operations,
        lines: &mut Lines,
    ) -> Result<(), Failure> {
        loop {
            let line = (lines.next())
                .and_then(|line| line.map(|line| operations.parse(&line)).transpose());
            match line {
                Ok(None) => break,
                Ok(Some(None)) => {}
                Ok(Some(Some(op))) => stream.push(op, lines, self.chunk as usize)?,
                Err(message) => return Err(lines.wrong(&message).with_hint(&stream.counts.done())),
            }
            stream.progress.reach(lines.position());
        }
        stream.run(lines)
    }
}

/// Operations that wait for their batch, and the output.
struct Stream<'a> {
    table: &'a TableRef,
    progress: &'a Progress,
    printer: Printer,
    batch: Batch,
    /// For each operation in the batch its line, and its first entry.
    operations: Vec<(Op, usize, usize)>,
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
            1 => "the one operation before it was done".into(),
            n => format!("the first {n} operations before it were done"),
        }
    }
}

impl Stream<'_> {
    /// Adds an operation. Runs the batch before where it has no room, and after where it is full;
    /// one with conditions only before the next of them.
    fn push(&mut self, op: Op, lines: &Lines, chunk: usize) -> Result<(), Failure> {
        let follows_others =
            matches!(self.operations.last(), Some((last, ..)) if !last.is_condition());
        if op.is_condition() && follows_others {
            self.run(lines)?;
        }
        let needed = self.batch.len() + op.entries();
        match self.condition() {
            Some(line) if needed > MAX_BATCH as usize => {
                return Err(Failure::usage(&format!(
                    "{}: this condition begins a batch of more than {MAX_BATCH} entries",
                    lines.location(line)
                ))
                .with_hint(&self.counts.done()));
            }
            // Keep the two entries of a swap in one batch.
            None if needed > chunk.max(2) => self.run(lines)?,
            _ => {}
        }
        self.operations.push((op, lines.number(), self.batch.len()));
        op.push(&mut self.batch);
        if self.condition().is_none() && self.batch.len() >= chunk {
            self.run(lines)?;
        }
        Ok(())
    }

    /// The line of the batch's first condition.
    fn condition(&self) -> Option<usize> {
        let &(first, line, _) = self.operations.first()?;
        first.is_condition().then_some(line)
    }

    /// Runs the batch.
    fn run(&mut self, lines: &Lines) -> Result<(), Failure> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let results = match self.table.run(&mut self.batch) {
            Ok(results) => results,
            Err(error) => return Err(self.failure(lines, error)),
        };
        self.counts.operations += self.operations.len();
        self.counts.batches += 1;
        let before = self.counts.states;
        // Only the first entry of an operation returns a state.
        let mut operations = self.operations.iter();
        let mut printed = Ok(());
        for result in results.iter() {
            let Some((op, ..)) = operations.find(|&&(_, _, entry)| entry == result.entry) else {
                continue;
            };
            self.counts.states += 1;
            let state = (self.printer).state(self.table.id(), op.name(), result.addr, result.state);
            printed = printed.and(state);
        }
        if self.counts.states > before {
            printed = printed.and(self.progress.interrupted(|| self.printer.out.flush()));
        }
        self.batch.clear();
        self.operations.clear();
        printed.map_err(|error| Failure::from(error).with_hint(&self.counts.done()))
    }

    /// The failure of the batch, which names the line instead of the entry.
    fn failure(&self, lines: &Lines, error: atomik::Error) -> Failure {
        let (error, entry) = match error {
            atomik::Error::Address {
                table,
                addr,
                contexts,
                entry,
            } => {
                let error = atomik::Error::Address {
                    table,
                    addr,
                    contexts,
                    entry: None,
                };
                (error, entry)
            }
            atomik::Error::Canceled { entry, .. } => (error, Some(entry)),
            error => (error, None),
        };
        let operation = entry.and_then(|entry| {
            let mut before = self.operations.iter();
            before.rfind(|&&(_, _, first)| first <= entry)
        });
        let failure = match operation {
            Some(&(_, line, _)) => Failure::operation(&lines.location(line), &error),
            None => Failure::of(&error),
        };
        failure.with_hint(&self.counts.done())
    }
}

/// Room for the output of a batch in any format, so that nothing is written before its end.
const ROOM: usize = 128 * MAX_BATCH as usize;

/// Prints states.
struct Printer {
    out: BufWriter<io::StdoutLock<'static>>,
    kind: Kind,
    format: Format,
}

impl Printer {
    fn new(kind: Kind, format: Format) -> Result<Self, Failure> {
        let mut out = BufWriter::with_capacity(ROOM, io::stdout().lock());
        if kind == Kind::Csv {
            writeln!(out, "{HEADING}")?;
        }
        Ok(Self { out, kind, format })
    }

    fn state(&mut self, table: u32, op: &'static str, addr: u32, state: u64) -> io::Result<()> {
        let value = self.format.value(state);
        match self.kind {
            Kind::Text => writeln!(self.out, "{op} {addr} = {value}"),
            Kind::Csv => writeln!(self.out, "{op},{addr},{value}"),
            Kind::Json => Record::unnumbered(op, table, addr, state).print(&mut self.out, true),
        }
    }
}

/// Shows the progress of a stream, on a terminal only.
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

    fn reach(&self, position: u64) {
        self.0.set_position(position);
    }

    /// Hides the bar while `print` writes, perhaps to the same terminal.
    fn interrupted<R>(&self, print: impl FnOnce() -> R) -> R {
        self.0.suspend(print)
    }

    fn clear(&self) {
        self.0.finish_and_clear();
    }
}
