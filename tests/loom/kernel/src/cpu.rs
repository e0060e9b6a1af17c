// SPDX-License-Identifier: GPL-2.0

//! CPUs: which one a thread is on decides which slot it takes, so each thread of a model says on
//! which it is, and models are tried with one CPU and with more.

use std::cell::Cell;

thread_local! {
    // Of the thread that runs the model: loom's threads are its coroutines.
    static CPUS: Cell<u32> = const { Cell::new(1) };
}

/// Has the models that this thread runs from now on have so many CPUs.
pub fn set_number(cpus: u32) {
    CPUS.set(cpus);
}

loom::thread_local! {
    static CURRENT: Cell<u32> = Cell::new(0);
}

/// Has the current thread run on this CPU from now on.
pub fn run_on(cpu: u32) {
    assert!(cpu < nr_cpu_ids());
    CURRENT.with(|current| current.set(cpu));
}

/// As in the kernel.
pub fn nr_cpu_ids() -> u32 {
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
