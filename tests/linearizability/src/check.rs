// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`check()`], which looks for an order in which a history could have happened.

use crate::{Answer, Op, Tables};
use std::{
    collections::HashSet,
    fmt::{self, Display, Formatter},
};

/// An operation, its answer, and when it was called and returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub op: Op,
    pub answer: Answer,
    pub called: u64,
    pub returned: u64,
}

impl Call {
    /// Whether this had returned when `other` was called.
    pub fn precedes(&self, other: &Call) -> bool {
        self.returned < other.called
    }
}

/// There is no order in which the calls could have happened.
#[derive(Debug)]
pub struct Refused {
    threads: Vec<Vec<Call>>,
    /// The longest order that was found: the numbers of the threads whose next call comes next.
    longest: Vec<usize>,
}

/// Checks that calls, listed by thread, are linearizable from `start`.
///
/// What fixes the order are the threads' programs and the times of the calls. Where there is no
/// time, as in the model of the driver, let all calls be called at 0 and return at [`u64::MAX`]:
/// what is checked then is sequential consistency.
pub fn check(start: &Tables, threads: &[Vec<Call>]) -> Result<(), Refused> {
    check_to(start, threads, |_| true)
}

/// As [`check`], where the calls must leave the tables in a state that `end` accepts.
pub fn check_to(
    start: &Tables,
    threads: &[Vec<Call>],
    end: impl Fn(&Tables) -> bool,
) -> Result<(), Refused> {
    let mut search = Search {
        threads,
        end,
        tried: HashSet::new(),
        order: Vec::new(),
        longest: Vec::new(),
    };
    if search.find(start, vec![0; threads.len()]) {
        return Ok(());
    }
    Err(Refused {
        threads: threads.to_vec(),
        longest: search.longest,
    })
}

/// The search of Wing and Gong, which takes each call that may come next; with Lowe's remedy for
/// its cost, which is to remember what has been tried.
struct Search<'a, F> {
    threads: &'a [Vec<Call>],
    end: F,
    /// From where no order led to the end: how many calls of each thread had been taken, and the
    /// tables.
    tried: HashSet<(Vec<usize>, Tables)>,
    order: Vec<usize>,
    longest: Vec<usize>,
}

impl<F: Fn(&Tables) -> bool> Search<'_, F> {
    fn find(&mut self, tables: &Tables, taken: Vec<usize>) -> bool {
        if self.order.len() > self.longest.len() {
            self.longest = self.order.clone();
        }
        let next = |thread: usize| self.threads[thread].get(taken[thread]);
        let waiting: Vec<(usize, &Call)> = (0..self.threads.len())
            .filter_map(|thread| Some((thread, next(thread)?)))
            .collect();
        if waiting.is_empty() {
            return (self.end)(tables);
        }
        if !self.tried.insert((taken.clone(), tables.clone())) {
            return false;
        }
        for &(thread, call) in &waiting {
            if waiting.iter().any(|(_, other)| other.precedes(call)) {
                continue;
            }
            let mut tables = tables.clone();
            if !tables.step(&call.op, &call.answer) {
                continue;
            }
            let mut taken = taken.clone();
            taken[thread] += 1;
            self.order.push(thread);
            if self.find(&tables, taken) {
                return true;
            }
            self.order.pop();
        }
        false
    }
}

impl Display for Refused {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "these calls have no order in which they could happen:")?;
        for (thread, calls) in self.threads.iter().enumerate() {
            for call in calls {
                let (called, returned) = (call.called, call.returned);
                write!(f, "  thread {thread}, {called:>4} to {returned:>4}: ")?;
                writeln!(f, "{:x?} -> {:x?}", call.op, call.answer)?;
            }
        }
        let longest = &self.longest;
        writeln!(f, "the longest order, by threads: {longest:?}")
    }
}

impl std::error::Error for Refused {}
