// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Executor`]: executes programs on the loaded driver and compares the results with the oracle.

use crate::{
    arena::Arena,
    coverage::Coverage,
    descriptors,
    event::{Call, Event},
    interleave::{Explained, explain},
    location::Location,
    oracle::{self, Rules, World},
    performer::{Done, Job, Names, Performer, Phase},
    program::{Caller, Command, MAX_THREADS, Program, Table},
    storm,
};
use anyhow::{Context, Result, anyhow};
use atomik_test_support::{compat, fdinfo, raw, start::Start};
use std::{
    os::fd::{AsFd, AsRawFd},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

/// Outcome of a program.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Ioctls that were executed. One that was repeated beside others that commute counts once.
    pub ioctls: u64,
    /// True where the module's code was executed in a new way.
    pub new: bool,
    /// The first difference from the oracle.
    pub failure: Option<String>,
    /// True where the racing calls have too many orders to try all.
    pub unchecked: bool,
}

/// Executes programs, one at a time.
pub struct Executor {
    pub rules: Rules,
    performer: Performer,
    workers: Vec<(Sender<Job>, Receiver<Done>)>,
    /// A file of its own, to ask for totals.
    device: raw::RawFile,
}

impl Executor {
    /// Makes an executor for programs that keep to `rules`. Fills in the sizes of a file and a
    /// place.
    pub fn new(mut rules: Rules, coverage: Option<Arc<Coverage>>) -> Result<Self> {
        storm::handle_signals()?;
        let compat = compat::works();
        (rules.file_bytes, rules.place_bytes) = file_and_place_bytes()?;
        rules.export_bytes = export_bytes()?;
        rules.watch_bytes = watch_bytes()?;
        let storm = Arc::new(Arena::new(0)?);
        let performer = Performer::new(1, &storm, coverage.clone(), compat)?;
        let mut workers = Vec::new();
        for number in 0..MAX_THREADS {
            let (jobs, their_jobs) = channel::<Job>();
            let (their_done, done) = channel();
            let (storm, coverage) = (Arc::clone(&storm), coverage.clone());
            thread::spawn(move || -> Result<()> {
                let mut performer = Performer::new(number + 2, &storm, coverage, compat)?;
                while let Ok(job) = their_jobs.recv() {
                    their_done.send(performer.work(job))?;
                }
                Ok(())
            });
            workers.push((jobs, done));
        }
        Ok(Self {
            rules,
            performer,
            workers,
            device: raw::open_device(),
        })
    }

    /// True where 32-bit calls are made.
    pub fn compat(&self) -> bool {
        self.performer.compat
    }

    /// Executes a program.
    pub fn run(&mut self, program: &Program) -> Result<Outcome> {
        let served = self.device.info().context("GET_INFO")?.ops_total;
        let mut outcome = Outcome::default();
        (self.performer.ioctls, self.performer.new) = (0, false);
        let signals = program.signals.then(storm::Signals::start).transpose()?;
        let result = self.phases(program, World::new(served), &mut outcome);
        drop(signals);
        descriptors::close_all();
        self.performer.gather();
        outcome.ioctls += self.performer.ioctls;
        outcome.new |= self.performer.new;
        outcome.failure = result.err();
        Ok(outcome)
    }

    fn phases(
        &mut self,
        program: &Program,
        world: World,
        outcome: &mut Outcome,
    ) -> Result<(), String> {
        let mut worlds = vec![world];
        let mut names = Names::default();
        let mut events = Vec::new();
        let mut tag = 0;
        for step in &program.setup {
            self.performer
                .perform(step, &mut names, Phase::Alone, &mut tag, &mut events)?;
            for event in events.drain(..) {
                check(&self.rules, &mut worlds, &event)?;
            }
        }
        if program.threads.is_empty() {
            return self.look_around(&mut worlds);
        }
        let done = self.race(program, &names);
        for done in &done {
            outcome.ioctls += done.ioctls;
            outcome.new |= done.new;
        }
        if let Some(failure) = done.iter().find_map(|done| done.failure.clone()) {
            return Err(failure);
        }
        if program.storm {
            return Ok(());
        }
        let threads: Vec<Vec<Event>> = done.into_iter().map(|done| done.events).collect();
        worlds = match explain(&self.rules, worlds, &threads, program.commutes()) {
            Explained::By(worlds) => worlds,
            Explained::Not(why) => return Err(format!("no order explains the results; {why}")),
            Explained::TooMany => {
                outcome.unchecked = true;
                return Ok(());
            }
        };
        self.look_around(&mut worlds)
    }

    /// Has all threads work at once.
    fn race(&mut self, program: &Program, names: &Names) -> Vec<Done> {
        let phase = if program.storm {
            Phase::Storm
        } else if program.commutes() {
            Phase::Commuting
        } else if program.isolates() {
            Phase::RacingIsolated
        } else {
            Phase::Racing
        };
        let start = Arc::new(Start::of(program.threads.len()));
        for (i, (steps, (jobs, _))) in program.threads.iter().zip(&self.workers).enumerate() {
            let job = Job {
                steps: steps.clone(),
                names: names.clone(),
                phase,
                tag: 1000 * (i as u32 + 1),
                start: Arc::clone(&start),
            };
            jobs.send(job).expect("the workers live as long as this");
        }
        let receive = || {
            let workers = self.workers.iter().take(program.threads.len());
            workers
                .map(|(_, done)| done.recv().expect("a worker answers each job"))
                .collect()
        };
        if !program.storm {
            return receive();
        }
        let over = AtomicBool::new(false);
        let arena = &self.performer.storm;
        thread::scope(|scope| {
            let over = &over;
            scope.spawn(move || storm::rage(arena, program, || over.load(Ordering::Relaxed)));
            let done = receive();
            over.store(true, Ordering::Relaxed);
            done
        })
    }

    /// Compares all that can be seen at the end.
    fn look_around(&mut self, worlds: &mut Vec<World>) -> Result<(), String> {
        for fd in worlds[0].watches() {
            let events = [
                self.performer.fd_info(fd),
                self.performer.poll(fd),
                self.performer.read_all(fd)?,
                self.performer.poll(fd),
            ];
            for event in events {
                check(&self.rules, worlds, &event)?;
            }
        }
        for (fd, tables) in worlds[0].files() {
            let event = self.performer.fd_info(fd);
            check(&self.rules, worlds, &event)?;
            for (id, addresses) in tables {
                for addr in addresses.into_iter().take(16) {
                    let table = Table::Id(id);
                    let encoded = Command::Read { table, addr }.encode(|_| id);
                    let event =
                        self.performer
                            .ioctl(fd, encoded, Location::FINE, Caller::Thread, 1)?;
                    check(&self.rules, worlds, &event)?;
                }
            }
        }
        Ok(())
    }
}

/// Keeps the worlds in which this can have happened.
fn check(rules: &Rules, worlds: &mut Vec<World>, event: &Event) -> Result<(), String> {
    let mut why = String::new();
    worlds.retain_mut(|world| match world.step(rules, event) {
        Ok(()) => {
            world.release(|_| false);
            true
        }
        Err(reason) => {
            why = reason;
            false
        }
    });
    if worlds.is_empty() {
        return Err(format!("{}: {why}", brief(&event.call)));
    }
    Ok(())
}

/// Describes a call in few words.
fn brief(call: &Call) -> String {
    match call {
        Call::Ioctl {
            fd, number, arg, ..
        } => format!(
            "ioctl({fd}, {number:#x}) with {:02x?} at {:?}",
            arg.before, arg.location
        ),
        call => format!("{call:?}"),
    }
}

/// Bytes of an exported descriptor.
fn export_bytes() -> Result<u64> {
    let file = raw::open_device();
    let export = file.export(file.create(1)?, 0)?;
    let text = fdinfo::text(export.as_fd().as_raw_fd())?;
    Ok(fdinfo::parse_export(&text).bytes)
}

/// Bytes of a watch, but for its marks.
fn watch_bytes() -> Result<u64> {
    let file = raw::open_device();
    let watch = file.watch(file.create(1)?, 0, 1, 0)?;
    let text = fdinfo::text(watch.as_fd().as_raw_fd())?;
    let bytes = fdinfo::parse_watch(&text).bytes;
    bytes
        .checked_sub(oracle::marks_bytes(1))
        .ok_or_else(|| anyhow!("a watch uses {bytes} bytes"))
}

/// Bytes of a file with tables, and of a table's place. Measured on a file with two tables of one
/// context.
fn file_and_place_bytes() -> Result<(u64, u64)> {
    const CONTEXT: u64 = 16;
    let file = raw::open_device();
    let [one, two] = [(); 2].map(|()| {
        let created = file.create(1);
        created.map(|_| fdinfo::read(&file.as_fd()).bytes)
    });
    let (one, two) = (one?, two?);
    let place = two.checked_sub(one + CONTEXT);
    place
        .and_then(|place| Some((one.checked_sub(place + CONTEXT)?, place)))
        .ok_or_else(|| anyhow!("one table uses {one} bytes, and two use {two}"))
}
