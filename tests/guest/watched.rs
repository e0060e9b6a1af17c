// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl top` of root looks into any file of the device, and each look counts there as operations: who counts them
//! must not be watched.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

static WATCHED: RwLock<()> = RwLock::new(());

/// To be held while `top` runs in a terminal.
pub fn watching() -> RwLockWriteGuard<'static, ()> {
    WATCHED.write().unwrap_or_else(PoisonError::into_inner)
}

/// To be held while operations are counted.
pub fn unwatched() -> RwLockReadGuard<'static, ()> {
    WATCHED.read().unwrap_or_else(PoisonError::into_inner)
}
