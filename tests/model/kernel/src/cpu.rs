// SPDX-License-Identifier: GPL-2.0

//! CPUs: there are two. Which one a thread is on decides which slot it takes, so each thread of a
//! model says on which it is, and tests try the same and different ones.

use std::cell::Cell;

/// How many CPUs there are.
const CPUS: u32 = 2;

loom::thread_local! {
    static CURRENT: Cell<u32> = Cell::new(0);
}

/// Has the current thread run on this CPU from now on.
pub fn run_on(cpu: u32) {
    assert!(cpu < CPUS);
    CURRENT.with(|current| current.set(cpu));
}

/// As in the kernel.
pub fn nr_cpu_ids() -> u32 {
    CPUS
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
