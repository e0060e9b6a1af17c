// SPDX-License-Identifier: GPL-2.0

//! [`SetOnce`].

use crate::{
    alloc::Access,
    atomic::{Acquire, Atomic, Relaxed, Release},
};
use core::{cell::UnsafeCell, mem::MaybeUninit};

/// As in the kernel, and made like it: 0, then 1 while it's being set, then 2.
pub struct SetOnce<T> {
    init: Atomic<u64>,
    value: UnsafeCell<MaybeUninit<T>>,
    access: Access,
}

// SAFETY: by `init`, the value is written by one thread, before others read it.
unsafe impl<T: Send + Sync> Sync for SetOnce<T> {}

impl<T> SetOnce<T> {
    #[expect(clippy::new_without_default, reason = "as in the kernel")]
    pub fn new() -> Self {
        Self {
            init: Atomic::new(0),
            value: UnsafeCell::new(MaybeUninit::uninit()),
            access: Access::new(),
        }
    }

    #[track_caller]
    pub fn as_ref(&self) -> Option<&T> {
        if self.init.load(Acquire) != 2 {
            return None;
        }
        self.access.read();
        // SAFETY: it's set, and changes no more.
        Some(unsafe { (*self.value.get()).assume_init_ref() })
    }

    #[track_caller]
    pub fn populate(&self, value: T) -> bool {
        if self.init.sound_cmpxchg(0, 1, Relaxed).is_err() {
            return false;
        }
        self.access.write();
        // SAFETY: `init` has gone from 0 to 1 once, here; and nobody reads before it's 2.
        unsafe { (*self.value.get()).write(value) };
        self.init.store(2, Release);
        true
    }
}

impl<T> Drop for SetOnce<T> {
    fn drop(&mut self) {
        if !std::thread::panicking() && *self.init.get_mut() == 2 {
            // SAFETY: it's set, and nobody uses it any more.
            unsafe { self.value.get_mut().assume_init_drop() };
        }
    }
}
