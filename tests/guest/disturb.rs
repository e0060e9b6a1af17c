// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Disturber`]: interrupts, which draw the steps of an operation apart.

use nix::libc::{SYS_membarrier, c_long, syscall};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread::Scope,
};

// Of linux/membarrier.h.
const PRIVATE_EXPEDITED: c_long = 1 << 3;
const REGISTER_PRIVATE_EXPEDITED: c_long = 1 << 4;

/// Interrupts all CPUs of this process again and again, until dropped.
///
/// A race whose window is a few instructions long shows up when one CPU stops within it. The
/// system call `membarrier` stops them: it sends an interrupt to each and waits until all have
/// taken it. The driver's spinlocks leave interrupts on.
pub struct Disturber<'a>(&'a AtomicBool);

impl<'a> Disturber<'a> {
    /// Starts a thread that interrupts until `done` is set, as dropping this does.
    pub fn start<'s>(scope: &'s Scope<'s, '_>, done: &'a AtomicBool) -> Self
    where
        'a: 's,
    {
        // A kernel without this system call does without interrupts.
        if membarrier(REGISTER_PRIVATE_EXPEDITED) {
            scope.spawn(|| while !done.load(Ordering::Relaxed) && membarrier(PRIVATE_EXPEDITED) {});
        }
        Self(done)
    }
}

impl Drop for Disturber<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Calls `membarrier`. Returns true where the kernel has done it.
fn membarrier(command: c_long) -> bool {
    // SAFETY: it takes no pointers.
    unsafe { syscall(SYS_membarrier, command, 0, 0) == 0 }
}
