// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Race`], which starts the workers of a pattern, and [`Worker`], a process with their table.

use std::error::Error;
use std::ops::{Deref, DerefMut};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{hint, thread};

use atomik::{Device, Rights, Table, TableMap, TableRef, Watch};

/// Error of a pattern: its own, or one of the crate.
pub type Result<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Most workers of a race.
const MOST_WORKERS: u32 = 4;

/// Looks at a word before the processor is given to others.
const LOOKS: u32 = 200;

/// A race of workers on one table.
pub struct Race {
    pub pattern: &'static str,
    pub rounds: u32,
    pub without: bool,
}

impl Race {
    /// Makes a table of so many contexts, and some behind them for the workers' meetings.
    pub fn table(&self, contexts: u32) -> Result<Table> {
        Ok(Device::open()?.create_table(contexts + 1 + MOST_WORKERS)?)
    }

    /// Runs so many workers on the table, all at once. Returns what each has printed.
    pub fn run(&self, table: &TableRef, workers: u32) -> Result<Vec<String>> {
        self.supervise(table, workers, |number| {
            let output = self.worker(table, number, workers)?.output()?;
            if !output.status.success() {
                return Err(format!("worker {number}: {}", output.status).into());
            }
            Ok(String::from_utf8(output.stdout)?)
        })
    }

    /// Calls `supervise` for each worker, in a thread of its own. Returns what the calls return.
    /// Where one fails, the others' workers wait for nobody any more.
    pub fn supervise<T: Send>(
        &self,
        table: &TableRef,
        workers: u32,
        supervise: impl Fn(u32) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let supervise = |number| {
            let result = supervise(number);
            if result.is_err() {
                table.set(Meetings::of(table)?.failed, 1)?;
            }
            result
        };
        thread::scope(|scope| {
            let supervise = &supervise;
            let start = |number| scope.spawn(move || supervise(number));
            let threads: Vec<_> = (0..workers).map(start).collect();
            let join = |thread: thread::ScopedJoinHandle<_>| {
                thread.join().unwrap_or(Err("a supervisor panicked".into()))
            };
            threads.into_iter().map(join).collect()
        })
    }

    /// A worker to be started: this program again. Its standard input is a descriptor of this one
    /// table.
    pub fn worker(&self, table: &TableRef, number: u32, workers: u32) -> Result<Command> {
        let table = table.export(Rights::ReadWrite)?.into_fd()?;
        let mut command = self.program(number, workers)?;
        command.stdin(Stdio::from(table)).stderr(Stdio::inherit());
        Ok(command)
    }

    /// This program, as the worker with this number.
    pub fn program(&self, number: u32, workers: u32) -> Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg(self.pattern)
            .arg(format!("--rounds={}", self.rounds))
            .arg(format!("--worker={number}"))
            .arg(format!("--workers={workers}"))
            .args(self.without.then_some("--without"));
        Ok(command)
    }

    /// Tells how many of the rounds have ended wrong. None may, but by XOR deltas alone.
    pub fn tell(&self, what: &str, wrong: usize) -> Result {
        self.tell_of(what, wrong, self.rounds)
    }

    /// Tells how many of so many rounds have ended wrong, as [`tell`](Self::tell) does.
    pub fn tell_of(&self, what: &str, wrong: usize, rounds: u32) -> Result {
        let (pattern, how) = (self.pattern, if self.without { ", without" } else { "" });
        println!("{pattern}: {what}{how}: {wrong} of {rounds} rounds end wrong");
        if wrong == 0 || self.without {
            Ok(())
        } else {
            Err(format!("{pattern}: {wrong} rounds end wrong").into())
        }
    }

    /// Does the work of a worker.
    pub fn be_worker(&self, number: u32, workers: u32, work: fn(&mut Worker) -> Result) -> Result {
        let table = Device::from_inherited(0)?.only_table()?;
        work(&mut Worker {
            number,
            workers,
            rounds: self.rounds,
            without: self.without,
            table: &table,
            map: table.map()?,
            meetings: Meetings::of(&table)?,
            met: 0,
        })
    }
}

/// Addresses behind the pattern's own contexts.
struct Meetings {
    /// Not 0 once a worker has failed.
    failed: u32,
    /// The first of a word for each worker: the number of meetings that it has come to.
    arrived: u32,
}

impl Meetings {
    fn of(table: &TableRef) -> Result<Self> {
        let failed = table.size()? - 1 - MOST_WORKERS;
        Ok(Self {
            failed,
            arrived: failed + 1,
        })
    }
}

/// A worker of a race.
pub struct Worker<'t> {
    pub number: u32,
    pub workers: u32,
    pub rounds: u32,
    pub without: bool,
    pub table: &'t TableRef,
    pub map: TableMap<'t>,
    meetings: Meetings,
    met: u64,
}

impl Worker<'_> {
    /// Waits until all workers have come to this meeting.
    pub fn meet(&mut self) -> Result {
        let before = self.met;
        self.met += 1;
        // A word that one process alone changes needs no condition.
        let own = self.meetings.arrived + self.number;
        self.map.accum(own, before ^ self.met)?;
        for other in 0..self.workers {
            let other = self.meetings.arrived + other;
            let mut looks = 0;
            while self.map.read(other)? < self.met {
                looks += 1;
                if looks % LOOKS == 0 {
                    self.check_others()?;
                    thread::yield_now();
                }
                hint::spin_loop();
            }
        }
        Ok(())
    }

    /// Waits until something changes. Fails where another worker has failed.
    pub fn wait(&self, watch: &mut Watch) -> Result {
        while watch.read_timeout(Duration::from_millis(100))?.is_none() {
            self.check_others()?;
        }
        Ok(())
    }

    /// Fails where another worker has failed.
    pub fn check_others(&self) -> Result {
        match self.map.read(self.meetings.failed)? {
            0 => Ok(()),
            _ => Err("another worker has failed".into()),
        }
    }
}

/// A process that ends with its owner: it is killed when this is dropped.
pub struct Owned(Child);

impl Owned {
    pub fn spawn(command: &mut Command) -> Result<Self> {
        Ok(Self(command.spawn()?))
    }
}

impl Deref for Owned {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl DerefMut for Owned {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // Both do nothing to a process that was waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
