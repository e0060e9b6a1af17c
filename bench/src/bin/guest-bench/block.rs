// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`Case`]: an operation to measure, and the block around it.

use atomik_bench::{CaseInfo, LOOP_MANY, LOOP_ONCE, PROOF};
use atomik_bench_marks as marks;
use std::hint::black_box;
use std::time::{Duration, Instant};

pub struct Case {
    pub info: CaseInfo,
    block: Box<dyn FnMut() -> Duration>,
}

impl Case {
    /// Measures `operation` in a loop. It gets the number of the turn, and does `operations`
    /// operations each time.
    pub fn new(
        id: impl Into<String>,
        iterations: u32,
        operations: u32,
        operation: impl FnMut(u32) + 'static,
    ) -> Self {
        Self::with_cleanup(id, iterations, operations, operation, || ())
    }

    /// Measures the same, and calls `cleanup` after each block, unmeasured.
    pub fn with_cleanup(
        id: impl Into<String>,
        iterations: u32,
        operations: u32,
        operation: impl FnMut(u32) + 'static,
        cleanup: impl FnMut() + 'static,
    ) -> Self {
        Self::between(id, iterations, operations, || (), operation, cleanup)
    }

    /// Measures the same, and calls `prepare` before each block, unmeasured.
    pub fn prepared(
        id: impl Into<String>,
        iterations: u32,
        operations: u32,
        prepare: impl FnMut() + 'static,
        operation: impl FnMut(u32) + 'static,
    ) -> Self {
        Self::between(id, iterations, operations, prepare, operation, || ())
    }

    fn between(
        id: impl Into<String>,
        iterations: u32,
        operations: u32,
        mut prepare: impl FnMut() + 'static,
        mut operation: impl FnMut(u32) + 'static,
        mut cleanup: impl FnMut() + 'static,
    ) -> Self {
        let info = CaseInfo {
            id: id.into(),
            iterations,
            operations,
        };
        let block = Box::new(move || {
            prepare();
            let taken = measured(|| {
                for turn in 0..iterations {
                    operation(black_box(turn));
                }
            });
            cleanup();
            taken
        });
        Self { info, block }
    }

    /// Executes one block.
    pub fn run(&mut self) -> Duration {
        (self.block)()
    }

    /// Executes one block. Returns the time of an operation.
    pub fn nanoseconds(&mut self) -> f64 {
        let operations = f64::from(self.info.iterations) * f64::from(self.info.operations);
        self.run().as_nanos() as f64 / operations
    }

    /// True for the cases that all others are compared with.
    pub fn is_basic(&self) -> bool {
        [LOOP_ONCE, LOOP_MANY, PROOF].contains(&self.info.id.as_str())
    }
}

/// Executes a block between marks. Returns its time.
#[inline(always)]
pub fn measured(block: impl FnOnce()) -> Duration {
    let start = Instant::now();
    marks::begin();
    block();
    marks::end();
    start.elapsed()
}
