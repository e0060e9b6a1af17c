// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Clock`]: the order of calls and returns.

use crate::{Answer, Call, Op};
use std::sync::atomic::{AtomicU64, Ordering};

/// A counter that the threads of a history share.
///
/// All CPUs see its steps in one order. The time stamp counter and the system's clock promise no
/// order, and need not step between two operations.
#[derive(Debug, Default)]
pub struct Clock(AtomicU64);

impl Clock {
    /// Carries out an operation by `serve` and writes down its answer and its times.
    pub fn call(&self, op: Op, serve: impl FnOnce(&Op) -> Answer) -> Call {
        let called = self.tick();
        let answer = serve(&op);
        let returned = self.tick();
        Call {
            op,
            answer,
            called,
            returned,
        }
    }

    fn tick(&self) -> u64 {
        // SeqCst: neither the call nor the return may move to the other side.
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}
