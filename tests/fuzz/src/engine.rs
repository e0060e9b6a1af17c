// SPDX-License-Identifier: MIT OR Apache-2.0

//! The fuzzer's loop, in the guest.

use crate::{
    blocks::Block,
    complaints::Complaints,
    coverage::Coverage,
    execute::{Executor, Outcome},
    generate,
    journal::{Journal, Made, Record},
    kcov,
    oracle::Rules,
    program::Program,
    shrink::shrink,
};
use anyhow::Result;
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

/// Time between lines of progress.
const PROGRESS: Duration = Duration::from_secs(5);
/// Failures after which the fuzzer ends.
const MOST_FAILURES: usize = 10;
/// Times to execute a program whose threads race.
const RACES: usize = 4;
/// Executions of a program with threads, of which one must fail for it to count.
const TRIES: usize = 10;
/// Programs that are announced at once: each announcement waits for the host.
const BATCH: u64 = 32;
/// Time for making one failure small.
const SHRINKING: Duration = Duration::from_secs(60);

pub struct Engine {
    executor: Executor,
    coverage: Option<Arc<Coverage>>,
    complaints: Complaints,
    journal: Journal,
    start: Instant,
    told: Instant,
    blocks: Vec<Block>,
    programs: u64,
    ioctls: u64,
    unchecked: u64,
    corpus: Vec<Program>,
    failures: Vec<String>,
    /// The kernel has complained, so its results mean nothing from then on.
    over: bool,
}

impl Engine {
    /// `limit` is the module's, in bytes; `blocks` are those of the module.
    pub fn new(limit: u64, blocks: Vec<Block>) -> Result<Self> {
        let coverage = if !kcov::is_there() {
            println!("fuzz: this kernel has no KCOV; the fuzzer is blind");
            None
        } else if blocks.is_empty() {
            println!("fuzz: the module is not instrumented for KCOV; the fuzzer is blind");
            None
        } else {
            Some(Arc::new(Coverage::new(&blocks)?))
        };
        let rules = Rules {
            alone: true,
            limit,
            ..Rules::default()
        };
        let executor = Executor::new(rules, coverage.clone())?;
        if !executor.compat() {
            println!("fuzz: this kernel serves no 32-bit calls; all calls are 64-bit");
        }
        Ok(Self {
            executor,
            coverage,
            complaints: Complaints::open()?,
            journal: Journal::open()?,
            start: Instant::now(),
            told: Instant::now(),
            blocks,
            programs: 0,
            ioctls: 0,
            unchecked: 0,
            corpus: Vec::new(),
            failures: Vec::new(),
            over: false,
        })
    }

    /// Executes the given programs and then those that the seed makes. Returns true where all was
    /// well.
    pub fn fuzz(&mut self, given: Vec<Program>, seed: u64, time: Duration) -> Result<bool> {
        for (number, program) in given.into_iter().enumerate() {
            self.journal.write(&Record::Given(number))?;
            let new = self.execute(&program)?;
            if new || self.coverage.is_none() {
                self.journal.write(&Record::Keep(number))?;
                self.corpus.push(program);
            }
        }
        let mut number = 0;
        while self.start.elapsed() < time && !self.ends() {
            let batch = Made {
                number,
                count: BATCH,
                corpus: self.corpus.len(),
            };
            self.journal.write(&Record::Made(batch))?;
            let programs = batch.programs(seed, &self.corpus);
            for (program, number) in programs.into_iter().zip(number..) {
                if self.ends() {
                    break;
                }
                if self.execute(&program)? {
                    self.journal.write(&Record::Add {
                        number,
                        corpus: batch.corpus,
                    })?;
                    self.corpus.push(program);
                }
            }
            number += BATCH;
        }
        if !self.ends() {
            self.execute(&generate::all_memory())?;
        }
        self.finish(Some(seed))
    }

    fn ends(&self) -> bool {
        self.over || self.failures.len() >= MOST_FAILURES
    }

    /// Executes each program so many times. Returns true where all was well.
    pub fn replay(&mut self, programs: &[Program], times: usize) -> Result<bool> {
        for (number, program) in programs.iter().enumerate() {
            self.journal.write(&Record::Given(number))?;
            for _ in 0..times {
                if self.over || !self.failures.is_empty() {
                    break;
                }
                self.execute(program)?;
            }
        }
        self.finish(None)
    }

    /// Executes a program. Returns true where it covers something new.
    fn execute(&mut self, program: &Program) -> Result<bool> {
        let mut outcome = Outcome::default();
        let times = if program.threads.is_empty() { 1 } else { RACES };
        for _ in 0..times {
            let new = outcome.new;
            outcome = self.executor.run(program)?;
            outcome.new |= new;
            self.programs += 1;
            self.ioctls += outcome.ioctls;
            self.unchecked += u64::from(outcome.unchecked);
            if outcome.failure.is_some() {
                break;
            }
        }
        if let Some(complaint) = self.complaints.new_one()? {
            self.over = true;
            self.fail(format!("the kernel says: {complaint}"), program.clone())?;
        } else if let Some(why) = outcome.failure {
            println!(
                "fuzz: program {}, after {} ioctls, fails: {why}",
                self.programs, self.ioctls
            );
            let program = self.smaller(program);
            let why = self.why(&program).unwrap_or(why);
            self.fail(why, program)?;
        }
        if self.told.elapsed() >= PROGRESS {
            self.told = Instant::now();
            self.tell();
        }
        Ok(outcome.new)
    }

    fn fail(&mut self, why: String, program: Program) -> Result<()> {
        println!(
            "fuzz: FAILURE after {} ioctls in {} programs, {} s: {why}\n{}",
            self.ioctls,
            self.programs,
            self.start.elapsed().as_secs(),
            program.text()
        );
        self.journal.write(&Record::Failure {
            why: why.clone(),
            program,
        })?;
        self.failures.push(why);
        Ok(())
    }

    fn why(&mut self, program: &Program) -> Option<String> {
        let tries = if program.threads.is_empty() { 1 } else { TRIES };
        (0..tries).find_map(|_| {
            self.programs += 1;
            let outcome = self.executor.run(program).ok()?;
            self.ioctls += outcome.ioctls;
            outcome.failure
        })
    }

    fn smaller(&mut self, program: &Program) -> Program {
        let start = Instant::now();
        shrink(program, |program| {
            start.elapsed() < SHRINKING && self.why(program).is_some()
        })
    }

    fn tell(&self) {
        let seconds = self.start.elapsed().as_secs();
        let rate = self.ioctls / seconds.max(1);
        let coverage = match &self.coverage {
            Some(coverage) => format!(
                "blocks {} of {}, steps between them {}",
                coverage.blocks(),
                self.blocks.len(),
                coverage.steps()
            ),
            None => "coverage unknown".to_owned(),
        };
        println!(
            "fuzz: {seconds:4} s  programs {}  ioctls {} ({rate}/s)  \
             {coverage}  corpus {}  failures {}",
            self.programs,
            self.ioctls,
            self.corpus.len(),
            self.failures.len()
        );
    }

    fn finish(&mut self, seed: Option<u64>) -> Result<bool> {
        self.tell();
        if self.unchecked > 0 {
            println!(
                "fuzz: {} programs had too many orders of racing calls to check them all",
                self.unchecked
            );
        }
        if let Some(seed) = seed {
            println!("fuzz: the seed was {seed}");
        }
        self.tell_uncovered();
        self.journal.write(&Record::End)?;
        Ok(self.failures.is_empty())
    }

    /// Prints the functions with blocks that nothing executed.
    fn tell_uncovered(&self) {
        let Some(coverage) = &self.coverage else {
            return;
        };
        let mut functions: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for block in &self.blocks {
            let (covered, all) = functions.entry(&block.function).or_default();
            *covered += usize::from(coverage.has(block.offset));
            *all += 1;
        }
        for (function, (covered, all)) in functions {
            if covered < all {
                println!("fuzz: {covered:3} of {all:3} blocks of {function}");
            }
        }
    }
}
