// SPDX-License-Identifier: MIT OR Apache-2.0

//! Makes each thing of a call fail, one after another, and counts the results.

use crate::injection::Kind;
use nix::errno::Errno;
use std::{
    io::{self, Write},
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

/// Result of an attempt.
pub struct Attempt {
    /// True where something was made to fail.
    pub injected: bool,
    /// The call's result.
    pub result: Result<(), Errno>,
}

/// Numbers of the faults that were injected into a call.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// All of them, each in another spot.
    pub injected: u32,
    /// Those that made the call fail. The call made up for the others.
    pub failed: u32,
}

/// Attempts in a row without a fault that end the search. A call needs pages only now and then,
/// when the slab allocator or KASAN's stack depot has used up its own.
const QUIET: u32 = 8;

/// Copies of a call that fail at most. Of more copies, so many are chosen all over the call.
const ALL_COPIES: u32 = 200;

static TOTAL: AtomicU32 = AtomicU32::new(0);

/// Has `attempt` fail at 1, 2 and so on, until nothing is left to fail.
pub fn every_fault(kind: Kind, mut attempt: impl FnMut(u32) -> Attempt) -> Tally {
    let mut tally = Tally::default();
    let (mut nth, mut quiet) = (1, 0);
    let patience = if kind == Kind::Copy { 1 } else { QUIET };
    while quiet < patience {
        let Attempt { injected, result } = attempt(nth);
        if injected {
            tally.add(kind, nth, result);
            nth += 1;
            quiet = 0;
        } else {
            assert_eq!(result, Ok(()), "with nothing injected");
            quiet += 1;
        }
    }
    tally
}

/// Does the same for copies: all of them, or of very many the first, the last and some between.
/// `variant` varies the choice.
pub fn every_copy(variant: u32, mut attempt: impl FnMut(u32) -> Attempt) -> Tally {
    let mut tally = Tally::default();
    let copies = count_copies(&mut attempt);
    let stride = copies.div_ceil(ALL_COPIES);
    let wanted = |nth: u32| nth <= 8 || nth + 8 > copies || nth % stride == variant % stride;
    for nth in (1..=copies).filter(|&nth| wanted(nth)) {
        let Attempt { injected, result } = attempt(nth);
        assert!(injected, "there are {copies} copies, and not number {nth}");
        tally.add(Kind::Copy, nth, result);
    }
    tally
}

/// Number of copies.
fn count_copies(attempt: &mut impl FnMut(u32) -> Attempt) -> u32 {
    let mut exists = |nth| {
        let Attempt { injected, result } = attempt(nth);
        assert!(injected || result == Ok(()), "with nothing injected");
        injected
    };
    let mut end = 1;
    while exists(end) {
        end *= 2;
    }
    // The last one that exists is below `end`, and not below `start`.
    let mut start = end / 2;
    while end - start > 1 {
        let middle = start.midpoint(end);
        if exists(middle) {
            start = middle;
        } else {
            end = middle;
        }
    }
    start
}

impl Tally {
    fn add(&mut self, kind: Kind, nth: u32, result: Result<(), Errno>) {
        self.injected += 1;
        if let Err(error) = result {
            assert_eq!(error, kind.error(), "{kind} number {nth}");
            self.failed += 1;
        }
    }

    /// Prints it, and the sum so far.
    pub fn tell(self, name: &str, what: &str) -> Self {
        let total = TOTAL.fetch_add(self.injected, Relaxed) + self.injected;
        let served = self.injected - self.failed;
        // `println!` is silent in a test that passes.
        writeln!(
            io::stdout().lock(),
            "faults: {name:<32} {what:<16} {:>5} injected, {:>5} reported, \
             {served:>5} made up for; {total:>6} in all",
            self.injected,
            self.failed
        )
        .expect("write to standard output");
        self
    }
}
