// SPDX-License-Identifier: MIT OR Apache-2.0

//! Makes each thing of a call fail, one after another, and counts.

use crate::injection::Kind;
use nix::errno::Errno;
use std::{
    io::{self, Write},
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

/// How an attempt ended.
pub struct Attempt {
    /// Whether something failed.
    pub injected: bool,
    /// What the call returned.
    pub result: Result<(), Errno>,
}

/// What became of the faults that were injected into a call.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// How many there were, each at another place.
    pub injected: u32,
    /// How many of them made the call fail. The others were made up for.
    pub failed: u32,
}

/// Which attempts in a row without a fault end the search: a call needs pages only now and then, when
/// the slab allocator or the stack depot of KASAN has used up what it had.
const QUIET: u32 = 8;

/// Copies of a call, up to which each of them fails once; of more than that, a part.
const ALL_COPIES: u32 = 600;

static TOTAL: AtomicU32 = AtomicU32::new(0);

/// Has `attempt` fail at 1, 2 and so on, till there is nothing left to fail.
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

/// As [`every_fault`], for copies whose number is known: each of them, or of very many, each one in 97
/// and the first and the last.
pub fn every_copy(copies: u32, mut attempt: impl FnMut(u32) -> Attempt) -> Tally {
    let mut tally = Tally::default();
    let wanted = |nth: u32| copies <= ALL_COPIES || nth <= 8 || nth + 8 > copies || nth % 97 == 0;
    for nth in (1..=copies).filter(|&nth| wanted(nth)) {
        let Attempt { injected, result } = attempt(nth);
        assert!(injected, "there are fewer than {nth} copies");
        tally.add(Kind::Copy, nth, result);
    }
    let end = attempt(copies + 1);
    assert!(!end.injected, "there are more than {copies} copies");
    assert_eq!(end.result, Ok(()), "with nothing injected");
    tally
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
        // Not by `println!`, which keeps silent in a test that passes.
        writeln!(
            io::stdout().lock(),
            "faults: {name:<32} {what:<16} {:>5} injected, {:>5} reported, {served:>5} made up for; {total:>6} in all",
            self.injected,
            self.failed
        )
        .expect("write to standard output");
        self
    }
}
