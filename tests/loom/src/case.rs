// SPDX-License-Identifier: GPL-2.0

//! [`Case`], a small number of operations by a few threads, and its exploration in all
//! interleavings.

use crate::{file::File, ops_total};
use atomik_linearizability::{check::check_to, Answer, Call, Op, Tables};
use kernel::{cpu, loom, uaccess::Away};
use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

/// The most preemptions in an interleaving where there are several CPUs. More are too many to try:
/// a writer goes through the slots of each that has read.
const PREEMPTIONS_ON_CPUS: usize = 2;
/// The most preemptions where there are more than two operations.
const PREEMPTIONS_OF_MANY: usize = 3;

/// The operations of one thread of a case.
#[derive(Clone)]
pub struct Thread {
    cpu: u32,
    ops: Vec<Op>,
    away: Option<Away>,
}

impl Thread {
    /// A thread that does these operations, on the CPU with this number.
    pub fn new(cpu: u32, ops: impl IntoIterator<Item = Op>) -> Self {
        Self {
            cpu,
            ops: ops.into_iter().collect(),
            away: None,
        }
    }

    /// The same thread, where the memory for its results is away.
    pub fn with_results(mut self, away: Away) -> Self {
        self.away = Some(away);
        self
    }
}

/// A file on which some operations have been done, and threads that do more.
#[derive(Clone)]
pub struct Case {
    before: Vec<Op>,
    threads: Vec<Thread>,
    preemptions: Option<usize>,
}

/// The result of an exploration.
#[derive(Default)]
pub struct Explored {
    /// How many interleavings there were.
    pub interleavings: usize,
    /// All that came of them.
    pub outcomes: HashSet<Outcome>,
}

/// The answers to each thread, and the states and references of the first table in the end.
pub type Outcome = (Vec<Vec<Answer>>, Option<Vec<(u64, u64)>>);

/// Calls `f` once for each interleaving of its threads, or for those with so many preemptions at
/// most, on a machine with so many CPUs and a newly loaded driver.
#[track_caller]
pub fn explore(cpus: u32, preemptions: Option<usize>, f: impl Fn() + Send + Sync + 'static) {
    cpu::set_number(cpus);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions;
    builder.max_branches = 10_000;
    builder.check(move || {
        // SAFETY: once in each interleaving, and first.
        unsafe { ops_total::init_list() };
        f();
    });
}

impl Case {
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

    /// The same case, without the interleavings that have more preemptions than that.
    pub fn with_preemptions(mut self, most: usize) -> Self {
        self.preemptions = Some(most);
        self
    }

    /// Explores the case on one CPU, where all threads enter a table through the same slot: in all
    /// interleavings of two operations, and in those of more operations with three preemptions at
    /// most. If threads are said to be on several CPUs, explores it on those too, with two
    /// preemptions at most.
    ///
    /// Panics at an outcome that can't come of the operations one after another, in some order that
    /// respects each thread's; and where threads race, deadlock, or break a rule of the kernel.
    #[track_caller]
    pub fn explore(&self) -> Explored {
        let ops: usize = self.threads.iter().map(|thread| thread.ops.len()).sum();
        let many = (ops > 2).then_some(PREEMPTIONS_OF_MANY);
        let mut explored = self.explore_on(1, self.preemptions.or(many));
        let last = self.threads.iter().map(|thread| thread.cpu).max();
        if let Some(last) = last.filter(|&last| last > 0) {
            let most = self.preemptions.unwrap_or(PREEMPTIONS_ON_CPUS);
            let others = self.explore_on(last + 1, Some(most.min(PREEMPTIONS_ON_CPUS)));
            explored.interleavings += others.interleavings;
            explored.outcomes.extend(others.outcomes);
        }
        explored
    }

    fn explore_on(&self, cpus: u32, preemptions: Option<usize>) -> Explored {
        let explored = Arc::new(Mutex::new(Explored::default()));
        let (case, results) = (Arc::new(self.clone()), Arc::clone(&explored));
        explore(cpus, preemptions, move || case.execute(&results));
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

    /// Executes one interleaving.
    fn execute(self: &Arc<Self>, explored: &Mutex<Explored>) {
        let file = Arc::new(File::open());
        let mut start = Tables::default();
        for op in &self.before {
            assert!(start.step(op, &file.serve(op, None)), "{op:?}");
        }
        let served_before = file.usage().1;

        let threads: Vec<_> = (0..self.threads.len())
            .map(|number| {
                let (case, file) = (Arc::clone(self), Arc::clone(&file));
                loom::thread::spawn(move || {
                    let thread = &case.threads[number];
                    cpu::run_on(thread.cpu % cpu::number());
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
            // On a thread of its own, as loom's have small stacks.
            std::thread::scope(|scope| {
                let check = scope.spawn(|| self.check(&start, &outcome, tables, served));
                if let Err(refused) = check.join().expect("no panic") {
                    panic!("{refused}");
                }
            });
            explored.outcomes.insert(outcome);
        }
    }

    /// Checks an outcome. Fails with what is wrong with it.
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
            // No times: loom lets a thread see old values as long as nothing forbids it.
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
