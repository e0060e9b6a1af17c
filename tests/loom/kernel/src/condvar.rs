// SPDX-License-Identifier: GPL-2.0

//! Condition variables.

use crate::{
    atomic,
    lock::{Backend, Guard},
};
use pinned_init::{PinInit, pin_init_from_closure};

/// As in the kernel.
pub struct CondVar(loom::sync::Condvar);

/// Initialises a condition variable.
pub fn new() -> impl PinInit<CondVar> {
    // SAFETY: initialises all of it. (Pinning isn't needed: it may be moved.)
    unsafe {
        pin_init_from_closure(|slot: *mut CondVar| {
            slot.write(CondVar(loom::sync::Condvar::new()));
            Ok(())
        })
    }
}

impl CondVar {
    #[track_caller]
    pub fn wait<T, B: Backend>(&self, guard: &mut Guard<'_, T, B>) {
        atomic::write_back();
        guard.unlocked(|held| self.0.wait(held).expect("not poisoned"));
    }

    /// As in the kernel. No case has signals.
    #[track_caller]
    pub fn wait_interruptible<T, B: Backend>(&self, guard: &mut Guard<'_, T, B>) -> bool {
        self.wait(guard);
        false
    }

    #[track_caller]
    pub fn notify_all(&self) {
        atomic::write_back();
        if !std::thread::panicking() {
            self.0.notify_all();
        }
    }
}
