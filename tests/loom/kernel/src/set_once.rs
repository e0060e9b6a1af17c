// SPDX-License-Identifier: GPL-2.0

//! [`SetOnce`].

use crate::{
    alloc::Access,
    atomic::{Acquire, Atomic, Relaxed, Release},
};
use core::{
    cell::{Cell, UnsafeCell},
    mem::MaybeUninit,
};

/// How many can be set of those that are made in a row, with no lock in between. A file has one for
/// each place, and loom would spend most of its time on those that nobody sets.
const USED: u32 = 3;

loom::thread_local! {
    static MADE: Cell<u32> = Cell::new(0);
}

/// Ends a row. Called when a lock is made.
pub(crate) fn end_of_row() {
    MADE.with(|made| made.set(0));
}

/// As in the kernel, and implemented like it; but only the first few in a row can be set.
pub struct SetOnce<T>(Option<Used<T>>);

struct Used<T> {
    /// 0 at first, 1 while the value is being set, then 2.
    init: Atomic<u64>,
    value: UnsafeCell<MaybeUninit<T>>,
    access: Access,
}

// SAFETY: `init` lets one thread write the value, and others read it only after that.
unsafe impl<T: Send + Sync> Sync for Used<T> {}

impl<T> SetOnce<T> {
    #[expect(clippy::new_without_default, reason = "as in the kernel")]
    pub fn new() -> Self {
        let made = MADE.with(|made| made.replace(made.get() + 1));
        Self((made < USED).then(|| Used {
            init: Atomic::new(0),
            value: UnsafeCell::new(MaybeUninit::uninit()),
            access: Access::new(),
        }))
    }

    #[track_caller]
    pub fn as_ref(&self) -> Option<&T> {
        let Self(Some(used)) = self else {
            return None;
        };
        if used.init.load(Acquire) != 2 {
            return None;
        }
        used.access.read();
        // SAFETY: the value is set, and doesn't change any more.
        Some(unsafe { (*used.value.get()).assume_init_ref() })
    }

    #[track_caller]
    pub fn populate(&self, value: T) -> bool {
        let used = self.0.as_ref().expect("one of the first few");
        if used.init.sound_cmpxchg(0, 1, Relaxed).is_err() {
            return false;
        }
        used.access.write();
        // SAFETY: only this call has changed `init` from 0 to 1, and nobody reads before it's 2.
        unsafe { (*used.value.get()).write(value) };
        used.init.store(2, Release);
        true
    }
}

impl<T> Drop for Used<T> {
    fn drop(&mut self) {
        if !std::thread::panicking() && *self.init.get_mut() == 2 {
            // SAFETY: it's set, and nobody uses it any more.
            unsafe { self.value.get_mut().assume_init_drop() };
        }
    }
}
