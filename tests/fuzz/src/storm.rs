// SPDX-License-Identifier: MIT OR Apache-2.0

//! Disturbances of a program's threads: signals, and changes to their memory.

use crate::{arena::Arena, program::Program};
use anyhow::{Context, Result};
use nix::{
    libc,
    sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction},
};
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::{
    hash::{DefaultHasher, Hash, Hasher},
    thread,
};

/// Microseconds between signals.
const INTERVAL: libc::suseconds_t = 500;

extern "C" fn nothing(_: libc::c_int) {}

/// Has signals interrupt system calls and do nothing else.
pub fn handle_signals() -> Result<()> {
    let action = SigAction::new(
        SigHandler::Handler(nothing),
        SaFlags::SA_RESTART,
        SigSet::empty(),
    );
    // SAFETY: the handler does nothing.
    unsafe { sigaction(Signal::SIGALRM, &action) }.context("sigaction")?;
    Ok(())
}

/// Signals at regular intervals, until dropped.
pub struct Signals(());

impl Signals {
    pub fn start() -> Result<Self> {
        set_timer(INTERVAL)?;
        Ok(Self(()))
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        let _ = set_timer(0);
    }
}

fn set_timer(interval: libc::suseconds_t) -> Result<()> {
    let interval = libc::timeval {
        tv_sec: 0,
        tv_usec: interval,
    };
    let timer = libc::itimerval {
        it_interval: interval,
        it_value: interval,
    };
    // SAFETY: the kernel only reads the timer.
    let result = unsafe { libc::setitimer(libc::ITIMER_REAL, &timer, std::ptr::null_mut()) };
    nix::errno::Errno::result(result).context("setitimer")?;
    Ok(())
}

/// Changes an arena in many ways until `over`. The program determines their order.
pub fn rage(arena: &Arena, program: &Program, over: impl Fn() -> bool) {
    let mut hasher = DefaultHasher::new();
    program.hash(&mut hasher);
    let mut random = ChaCha8Rng::seed_from_u64(hasher.finish());
    while !over() {
        arena.disturb(random.next_u64());
        thread::yield_now();
    }
    arena.calm();
}
