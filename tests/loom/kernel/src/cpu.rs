// SPDX-License-Identifier: GPL-2.0

//! CPUs. The CPU of a thread decides which slot it enters: each thread of a case is on one that it
//! names, and cases are tried with one CPU and with more.

use std::cell::Cell;

thread_local! {
    // Of the thread that explores the case: loom's threads are its coroutines.
    static CPUS: Cell<u32> = const { Cell::new(1) };
}

/// Sets the number of CPUs for the cases that this thread explores from now on.
pub fn set_number(cpus: u32) {
    CPUS.set(cpus);
}

loom::thread_local! {
    static CURRENT: Cell<u32> = Cell::new(0);
}

/// Moves the current thread to this CPU.
pub fn run_on(cpu: u32) {
    assert!(cpu < number());
    CURRENT.with(|current| current.set(cpu));
}

/// The number of CPUs of the cases.
pub fn number() -> u32 {
    CPUS.get()
}

/// As in the kernel.
pub struct CpuId(u32);

impl CpuId {
    pub fn current() -> Self {
        Self(CURRENT.with(Cell::get))
    }

    pub fn as_u32(&self) -> u32 {
        self.0
    }
}
