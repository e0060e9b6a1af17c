// SPDX-License-Identifier: GPL-2.0

//! The locks that the current thread holds, to notice what must not happen under them.

use std::cell::Cell;

loom::thread_local! {
    static SPINLOCKS: Cell<u32> = Cell::new(0);
    static MUTEXES: Cell<u32> = Cell::new(0);
}

/// Counts a lock as taken.
pub(crate) fn took(spins: bool) {
    let counter = if spins { &SPINLOCKS } else { &MUTEXES };
    counter.with(|held| held.set(held.get() + 1));
}

/// Counts a lock as released.
pub(crate) fn released(spins: bool) {
    let counter = if spins { &SPINLOCKS } else { &MUTEXES };
    counter.with(|held| held.set(held.get() - 1));
}

/// Checks the kernel's rule: nobody sleeps under a spinlock.
#[track_caller]
pub(crate) fn might_sleep() {
    assert_eq!(SPINLOCKS.with(Cell::get), 0, "sleeps under a spinlock");
}

/// Checks the driver's rule: nobody waits at a lock for another's page fault.
#[track_caller]
pub(crate) fn might_fault() {
    might_sleep();
    assert_eq!(MUTEXES.with(Cell::get), 0, "a page fault under a mutex");
}

/// Returns true if the current thread holds a mutex.
pub(crate) fn a_mutex() -> bool {
    MUTEXES.with(Cell::get) > 0
}
