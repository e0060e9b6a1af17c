// SPDX-License-Identifier: MIT OR Apache-2.0

//! Tests that load or unload the driver, count the operations of all files, or look into all files.
//! A lock lets them run one at a time.

mod counting;
mod crowd;
mod gate;
mod kernel_memory;
mod killed;
mod limit;
mod reloaded;
mod storm;
mod top;
mod unload;

use atomik_test_support::rounds::rounds;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Makes the calling test wait for the others.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Rounds before those that count. After them the kernel has all that it keeps for later use.
fn rounds_before() -> i64 {
    rounds().min(100) / 2
}
