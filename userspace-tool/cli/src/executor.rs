// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Executor`]: executes a script on a device.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::Write;

use atomik::{Batch, Device, Error, Table};

use crate::failure::Failure;
use crate::record::Record;
use crate::script::{BatchLine, Line, Op, Script, Step};

/// A script's execution: its tables and its output.
pub struct Executor<'a, W: Write> {
    device: &'a Device,
    /// The script's name, for messages.
    name: &'a str,
    /// The number of contexts of the table that is made where the script makes none.
    contexts: u32,
    json: bool,
    out: W,
    tables: BTreeMap<u32, Table>,
    current: Option<u32>,
    /// True once the script has made a table, or one was made for it.
    created: bool,
    counts: Counts,
}

/// The number of operations, batches and tables so far.
#[derive(Clone, Copy, Default)]
pub struct Counts {
    operations: usize,
    batches: usize,
    tables: usize,
}

impl<'a, W: Write> Executor<'a, W> {
    pub fn new(device: &'a Device, name: &'a str, contexts: u32, json: bool, out: W) -> Self {
        Self {
            device,
            name,
            contexts,
            json,
            out,
            tables: BTreeMap::new(),
            current: None,
            created: false,
            counts: Counts::default(),
        }
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Executes the script up to its end or its first failure. The output is flushed in either
    /// case, so that it stands before the failure's message.
    pub fn run(&mut self, script: &Script) -> Result<(), Failure> {
        let result = script.lines.iter().try_for_each(|line| self.line(line));
        self.out.flush()?;
        result
    }

    fn line(&mut self, line: &Line) -> Result<(), Failure> {
        let number = line.number;
        match &line.step {
            Step::Create { contexts } => {
                let id = self
                    .create(*contexts)
                    .map_err(|e| self.failure(number, &line.step, &e))?;
                self.print(Record::table(number, id, *contexts))
            }
            Step::Table { id } => {
                if !self.tables.contains_key(id) {
                    let error = Error::NoSuchTable { table: *id };
                    return Err(self.failure(number, &line.step, &error));
                }
                self.current = Some(*id);
                Ok(())
            }
            Step::Destroy { id } => self.destroy(number, &line.step, *id),
            Step::Op(op) => self.op(number, op),
            Step::Batch(lines) => self.batch(number, lines),
        }
    }

    fn create(&mut self, contexts: u32) -> atomik::Result<u32> {
        let table = self.device.create_table(contexts)?;
        let id = table.id();
        self.tables.insert(id, table);
        self.current = Some(id);
        self.created = true;
        self.counts.tables += 1;
        Ok(id)
    }

    fn destroy(&mut self, number: usize, step: &Step, id: Option<u32>) -> Result<(), Failure> {
        let Some(id) = id.or(self.current) else {
            return Err(self.no_table(number, step));
        };
        if self.current == Some(id) {
            self.current = None;
        }
        let result = match self.tables.remove(&id) {
            Some(table) => table.destroy(),
            None => Err(Error::NoSuchTable { table: id }),
        };
        result.map_err(|e| self.failure(number, step, &e))
    }

    fn op(&mut self, number: usize, op: &Op) -> Result<(), Failure> {
        let table = self.current_table(number, op)?;
        let id = table.id();
        let state = op.alone(table);
        let state = state.map_err(|e| self.failure(number, op, &e))?;
        self.counts.operations += 1;
        match state {
            Some(state) => self.print(Record::state(number, op.name(), id, op.addr(), state)),
            None => Ok(()),
        }
    }

    fn batch(&mut self, number: usize, lines: &[BatchLine]) -> Result<(), Failure> {
        let table = self.current_table(number, &"begin")?;
        let id = table.id();
        let mut batch = Batch::with_capacity(lines.len());
        lines.iter().for_each(|line| line.op.push(&mut batch));
        let results = match table.run(&mut batch) {
            Ok(results) => results,
            Err(error) => return Err(self.batch_failure(number, lines, &error)),
        };
        self.counts.operations += lines.len();
        self.counts.batches += 1;
        // The entries are the lines, in order: the parser refuses new references in batches.
        for result in results.iter() {
            if let Some(line) = lines.get(result.entry) {
                let op = line.op.name();
                self.print(Record::state(
                    line.number,
                    op,
                    id,
                    result.addr,
                    result.state,
                ))?;
            }
        }
        Ok(())
    }

    /// The current table. Makes one before the script has made any.
    fn current_table(&mut self, number: usize, what: &impl Display) -> Result<&Table, Failure> {
        if !self.created {
            let contexts = self.contexts;
            self.create(contexts)
                .map_err(|e| self.failure(number, what, &e))?;
        }
        match self.current.and_then(|id| self.tables.get(&id)) {
            Some(table) => Ok(table),
            None => Err(self.no_table(number, what)),
        }
    }

    fn print(&mut self, record: Record) -> Result<(), Failure> {
        Ok(record.print(&mut self.out, self.json)?)
    }

    /// An operation's location, for messages: script, line and operation.
    fn location(&self, number: usize, what: &impl Display) -> String {
        format!("{}:{number}: {what}", self.name)
    }

    fn failure(&self, number: usize, what: &impl Display, error: &Error) -> Failure {
        Failure::operation(&self.location(number, what), error)
    }

    /// The failure of a batch, which names the line where the error names an entry.
    fn batch_failure(&self, number: usize, lines: &[BatchLine], error: &Error) -> Failure {
        let line = match error {
            Error::Address {
                entry: Some(entry), ..
            }
            | Error::Canceled { entry, .. } => lines.get(*entry),
            _ => None,
        };
        let location = match line {
            Some(line) => self.location(line.number, &line.op),
            None => self.location(number, &"begin"),
        };
        Failure::operation(&format!("{location}: the batch was not applied"), error)
    }

    fn no_table(&self, number: usize, what: &impl Display) -> Failure {
        Failure::no_table(&self.location(number, what))
    }
}

impl Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            operations,
            batches,
            tables,
        } = self;
        write!(
            f,
            "operations {operations}, batches {batches}, tables {tables}"
        )
    }
}
