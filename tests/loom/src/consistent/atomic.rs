// SPDX-License-Identifier: GPL-2.0

//! The standard library's atomics, as the crate uses them, on those of the kernel's stand-in.

use kernel::{
    loom,
    planted::{self, Bug},
    sync::atomic::{self, Atomic},
};
use std::cell::Cell;
pub(super) use std::sync::atomic::Ordering;

/// An atomic of the kernel, which a program has mapped.
pub(super) struct AtomicU64<'a>(pub(super) &'a Atomic<u64>);

loom::thread_local! {
    /// The number that this thread has loaded last with Acquire, and whether a fence came since.
    static LOOKED: Cell<(u64, bool)> = Cell::new((0, false));
}

impl AtomicU64<'_> {
    #[track_caller]
    pub(super) fn load(&self, order: Ordering) -> u64 {
        if order == Ordering::Acquire {
            let number = self.0.load(atomic::Acquire);
            LOOKED.with(|looked| looked.set((number, false)));
            return number;
        }
        let (number, again) = LOOKED.with(Cell::get);
        if again && planted::is(Bug::LooksOnce) {
            return number;
        }
        self.0.load(atomic::Relaxed)
    }
}

/// A fence of a reader.
#[track_caller]
pub(super) fn fence(order: Ordering) {
    LOOKED.with(|looked| looked.set((looked.get().0, true)));
    if !planted::is(Bug::NoReadFence) {
        loom::sync::atomic::fence(order);
    }
}
