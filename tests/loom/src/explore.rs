// SPDX-License-Identifier: GPL-2.0

//! [`Model`], a small case, and the exploration of all that can come of it.

use crate::{file::File, files};
use atomik_linearizability::{check::check_to, Answer, Call, Op, Tables};
use kernel::{cpu, loom, uaccess, uaccess::Away};
use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

/// With several CPUs, there are too many interleavings to try all: a writer goes by the slots of
/// each.
const MOST_PREEMPTIONS: usize = 2;
/// As there are of more operations than two.
const MOST_OF_MANY: usize = 3;

/// What one thread of a model does.
#[derive(Clone)]
pub struct Thread {
    cpu: u32,
    ops: Vec<Op>,
    away: Option<Away>,
}

impl Thread {
    /// A thread that does this, on the CPU with this number.
    pub fn new(cpu: u32, ops: impl IntoIterator<Item = Op>) -> Self {
        Self {
            cpu,
            ops: ops.into_iter().collect(),
            away: None,
        }
    }

    /// The same, where the memory for its results is not there.
    pub fn with_results(mut self, away: Away) -> Self {
        self.away = Some(away);
        self
    }
}

/// A small case: a file in which some operations have been done, and threads that do more.
#[derive(Clone)]
pub struct Model {
    before: Vec<Op>,
    threads: Vec<Thread>,
    preemptions: Option<usize>,
}

/// What came of the exploration.
#[derive(Default)]
pub struct Explored {
    /// How many interleavings there were.
    pub interleavings: usize,
    /// What the threads saw, and what the first table held in the end.
    pub outcomes: HashSet<Outcome>,
}

/// The answers to each thread, and the states and references of the first table.
pub type Outcome = (Vec<Vec<Answer>>, Option<Vec<(u64, u64)>>);

/// Runs `model` in all interleavings of its threads, or in those in which threads lose their CPU so
/// many times at most, on a machine with so many CPUs on which the driver has just been loaded.
#[track_caller]
pub fn explore_with(
    cpus: u32,
    preemptions: Option<usize>,
    model: impl Fn() + Send + Sync + 'static,
) {
    cpu::set_number(cpus);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions;
    builder.max_branches = 10_000;
    builder.check(move || {
        uaccess::forget();
        // SAFETY: once in each run, and first.
        unsafe { files::init_list() };
        model();
    });
}

impl Model {
    pub fn new(
        before: impl IntoIterator<Item = Op>,
        threads: impl IntoIterator<Item = Thread>,
    ) -> Self {
        Self {
            before: before.into_iter().collect(),
            threads: threads.into_iter().collect(),
            preemptions: None,
        }
    }

    /// Leaves out the interleavings in which threads lose their CPU more often than that, where all
    /// would be too many.
    pub fn with_preemptions(mut self, most: usize) -> Self {
        self.preemptions = Some(most);
        self
    }

    /// Runs the model: with one CPU, where all threads come into a table through the same slot, in
    /// all interleavings of two operations, and in those of three preemptions of more; and where
    /// threads are said to be on several CPUs, in those of two preemptions with these.
    ///
    /// Panics where one has an outcome that the operations, one after another in some order that
    /// respects each thread's, can't have; or where they race, deadlock, or break a rule of the
    /// kernel.
    #[track_caller]
    pub fn explore(&self) -> Explored {
        let ops: usize = self.threads.iter().map(|thread| thread.ops.len()).sum();
        let many = (ops > 2).then_some(MOST_OF_MANY);
        let mut explored = self.explore_with(1, self.preemptions.or(many));
        let last = self.threads.iter().map(|thread| thread.cpu).max();
        if let Some(last) = last.filter(|&last| last > 0) {
            let most = self.preemptions.unwrap_or(MOST_PREEMPTIONS);
            let others = self.explore_with(last + 1, Some(most.min(MOST_PREEMPTIONS)));
            explored.interleavings += others.interleavings;
            explored.outcomes.extend(others.outcomes);
        }
        explored
    }

    fn explore_with(&self, cpus: u32, preemptions: Option<usize>) -> Explored {
        let explored = Arc::new(Mutex::new(Explored::default()));
        let (model, explore) = (Arc::new(self.clone()), Arc::clone(&explored));
        explore_with(cpus, preemptions, move || model.execute(&explore));
        let explored = std::mem::take(&mut *explored.lock().unwrap());
        println!(
            "{cpus} CPUs: {} interleavings{}, {} outcomes",
            explored.interleavings,
            preemptions.map_or(String::new(), |most| format!(
                " of {most} preemptions at most"
            )),
            explored.outcomes.len()
        );
        explored
    }

    /// Runs the model once.
    fn execute(self: &Arc<Self>, explored: &Mutex<Explored>) {
        let file = Arc::new(File::open());
        let mut start = Tables::default();
        for op in &self.before {
            assert!(start.step(op, &file.serve(op, None)), "{op:?}");
        }
        let served_before = file.usage().1;

        let threads: Vec<_> = (0..self.threads.len())
            .map(|number| {
                let (model, file) = (Arc::clone(self), Arc::clone(&file));
                loom::thread::spawn(move || {
                    let thread = &model.threads[number];
                    cpu::run_on(thread.cpu % cpu::nr_cpu_ids());
                    let serve = |op| file.serve(op, thread.away);
                    thread.ops.iter().map(serve).collect::<Vec<_>>()
                })
            })
            .collect();
        let answers: Vec<_> = threads
            .into_iter()
            .map(|thread| thread.join().expect("no panic"))
            .collect();

        let (tables, served) = file.usage();
        assert_eq!(file.ops_total(), served);
        let outcome = (answers, file.words(1));
        let served = served.wrapping_sub(served_before);
        let mut explored = explored.lock().unwrap();
        explored.interleavings += 1;
        if !explored.outcomes.contains(&outcome) {
            // On a thread of its own, whose stack is larger than those of loom.
            std::thread::scope(|scope| {
                let check = scope.spawn(|| self.check(&start, &outcome, tables, served));
                if let Err(refused) = check.join().expect("no panic") {
                    panic!("{refused}");
                }
            });
            explored.outcomes.insert(outcome);
        }
    }

    /// Says what is wrong with an outcome.
    fn check(
        &self,
        start: &Tables,
        outcome: &Outcome,
        tables: usize,
        served: u64,
    ) -> Result<(), String> {
        let (answers, words) = outcome;
        let call = |(op, answer): (&Op, &Answer)| Call {
            op: op.clone(),
            answer: answer.clone(),
            // There is no time: loom lets a thread see old values as long as nothing forbids it.
            called: 0,
            returned: u64::MAX,
        };
        let each = self.threads.iter().zip(answers);
        let history: Vec<Vec<Call>> = each
            .clone()
            .map(|(thread, answers)| thread.ops.iter().zip(answers).map(call).collect())
            .collect();
        check_to(start, &history, |end| {
            end.words(1) == *words && end.count() == tables
        })
        .map_err(|refused| format!("{refused}with {tables} tables and {words:x?} in the end"))?;

        let expected: u64 = each
            .flat_map(|(thread, answers)| thread.ops.iter().zip(answers))
            .filter(|(_, answer)| matches!(answer, Answer::States(_)))
            .map(|(op, _)| match op {
                Op::Batch { entries, .. } => entries.len() as u64,
                _ => 1,
            })
            .sum();
        if served == expected {
            Ok(())
        } else {
            Err(format!(
                "{expected} operations were served, {served} counted"
            ))
        }
    }
}
