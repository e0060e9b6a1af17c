// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`check()`]: finds an order in which a history could have happened.

use crate::{Answer, Entry, Op, Tables};
use std::{
    collections::HashSet,
    fmt::{self, Display, Formatter},
};

/// An operation, its answer, and the times of its call and return.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub op: Op,
    pub answer: Answer,
    pub called: u64,
    pub returned: u64,
}

impl Call {
    /// True where this had returned when `other` was called.
    pub fn precedes(&self, other: &Call) -> bool {
        self.returned < other.called
    }
}

/// The calls have no order in which they could have happened.
#[derive(Debug)]
pub struct Refused {
    threads: Vec<Vec<Call>>,
    /// The longest order that was found, as the numbers of the threads that take turns.
    longest: Vec<usize>,
}

/// Checks that calls, listed by thread, are linearizable from `start`.
///
/// The threads' programs and the times of the calls restrict the order. Without times, as in the
/// loom check, let all calls be called at 0 and return at [`u64::MAX`]: that checks sequential
/// consistency.
pub fn check(start: &Tables, threads: &[Vec<Call>]) -> Result<(), Refused> {
    check_to(start, threads, |_| true)
}

/// Does the same for calls that must leave tables that `end` accepts.
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
    if search.find(start, vec![Taken::default(); threads.len()]) {
        return Ok(());
    }
    Err(Refused {
        threads: threads.to_vec(),
        longest: search.longest,
    })
}

/// The part of a thread's calls that has been taken into an order.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Taken {
    calls: usize,
    /// A bit for each state that the next call, a consistent read, has read already.
    states: u64,
}

impl Taken {
    fn after_call(self) -> Self {
        Self {
            calls: self.calls + 1,
            states: 0,
        }
    }
}

/// The search of Wing and Gong, which tries each call that may come next. It remembers what it has
/// tried, as Lowe proposes, to be fast enough.
struct Search<'a, F> {
    threads: &'a [Vec<Call>],
    end: F,
    /// States from which no order leads to the end: what is taken of each thread, and the tables.
    tried: HashSet<(Vec<Taken>, Tables)>,
    order: Vec<usize>,
    longest: Vec<usize>,
}

impl<F: Fn(&Tables) -> bool> Search<'_, F> {
    fn find(&mut self, tables: &Tables, taken: Vec<Taken>) -> bool {
        if self.order.len() > self.longest.len() {
            self.longest = self.order.clone();
        }
        let next = |thread: usize| self.threads[thread].get(taken[thread].calls);
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
            if let (Op::Consistent { table, addrs }, Answer::States(states)) =
                (&call.op, &call.answer)
            {
                if self.find_read(tables, &taken, thread, *table, addrs, states) {
                    return true;
                }
                continue;
            }
            // Not in the midst of a consistent read.
            if call.op.isolates() && taken.iter().any(|taken| taken.states != 0) {
                continue;
            }
            let mut tables = tables.clone();
            if !tables.step(&call.op, &call.answer) {
                continue;
            }
            if self.find_after(&tables, &taken, thread, taken[thread].after_call()) {
                return true;
            }
        }
        false
    }

    /// Goes on where `thread` has come so far.
    fn find_after(&mut self, tables: &Tables, taken: &[Taken], thread: usize, now: Taken) -> bool {
        let mut taken = taken.to_vec();
        taken[thread] = now;
        self.order.push(thread);
        let found = self.find(tables, taken);
        if !found {
            self.order.pop();
        }
        found
    }

    /// Goes on with one more state of a thread's consistent read, whichever comes next: they are
    /// read in any order, and other calls may come in between.
    fn find_read(
        &mut self,
        tables: &Tables,
        taken: &[Taken],
        thread: usize,
        table: u32,
        addrs: &[u32],
        states: &[u64],
    ) -> bool {
        for (number, (&addr, &state)) in addrs.iter().zip(states).enumerate() {
            let bit = 1 << number;
            let read = taken[thread].states;
            let entry = Entry::Read { addr };
            let answer = Answer::States(vec![state]);
            let as_read = || tables.clone().step(&Op::Single { table, entry }, &answer);
            if read & bit != 0 || !as_read() {
                continue;
            }
            let read = read | bit;
            let now = if read.count_ones() as usize == addrs.len() {
                taken[thread].after_call()
            } else {
                Taken {
                    states: read,
                    ..taken[thread]
                }
            };
            if self.find_after(tables, taken, thread, now) {
                return true;
            }
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
