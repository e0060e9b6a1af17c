// SPDX-License-Identifier: MIT OR Apache-2.0

//! Tests that load or unload the driver, count what all files do, or look into all files: one at a time, which the lock
//! sees to.

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

use std::{
    env,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Makes the calling test wait for the others.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How often something is done that is done a thousand times. Fewer on a kernel that takes long for each.
fn rounds() -> i64 {
    env::var("ATOMIK_ROUNDS").map_or(1000, |n| n.parse().expect("ATOMIK_ROUNDS is a number"))
}

/// How often that is done before it counts: what the kernel keeps for later use it has then.
fn rounds_before() -> i64 {
    rounds().min(100) / 2
}
