// SPDX-License-Identifier: GPL-2.0

//! A stand-in for the kernel crate: as much of it as the driver's commands use, with the same
//! names.
//!
//! Locks, atomics and [`sync::SetOnce`] are loom's, which runs a model again and again until it has
//! tried every order in which threads can take their turns at them, and every value that a load
//! may return. [`alloc::KVVec`] tells loom of each access to its memory, so that an access that
//! isn't ordered against another is found even where nothing goes wrong this time. User memory is
//! the test's own memory, with pages that may be away or refuse to be written.
//!
//! The rules of the kernel are checked on the way: no sleeping and no allocation under a spinlock,
//! and the driver's own, no copy that may fault under any lock.
//!
//! What loom's memory model is to the kernel's (LKMM):
//!
//! - Relaxed, Acquire and Release are C11's, which allow all that the kernel's allow, and more:
//!   LKMM orders dependent accesses, and loom, for Relaxed ones, does not.
//! - `Full` becomes SeqCst, which loom takes for AcqRel: less than the kernel's full barrier. So what
//!   passes here does not rest on `Full`; and whether an operation that has returned is seen by all
//!   CPUs, for which the driver has it, the model can't say. The guest's histories look at that.
//!   There are no fences in the driver, at which loom is weakest.
//! - loom remembers the last seven values of an atomic.
//! - Each thread of a model stays on one CPU: see [`cpu`].

pub mod alloc;
mod arc;
pub mod atomic;
pub mod bindings;
pub mod condvar;
pub mod cpu;
pub mod error;
mod held;
pub mod lock;
pub mod page;
pub mod planted;
pub mod prelude;
pub mod processor;
pub mod rbtree;
mod set_once;
pub mod task;
pub mod transmute;
pub mod uaccess;

pub use loom;

/// As the kernel has them in one place.
pub mod sync {
    pub use crate::{
        arc::Arc,
        atomic,
        condvar::CondVar,
        global_lock,
        lock::{self, Mutex, SpinLock},
        set_once::SetOnce,
    };
}

/// As in the kernel; the name is lockdep's.
#[macro_export]
macro_rules! new_mutex {
    ($inner:expr, $name:literal) => {
        $crate::lock::new::<_, $crate::lock::mutex::MutexBackend>($inner)
    };
}

/// As in the kernel; the name is lockdep's.
#[macro_export]
macro_rules! new_spinlock {
    ($inner:expr, $name:literal) => {
        $crate::lock::new::<_, $crate::lock::spinlock::SpinLockBackend>($inner)
    };
}

/// As in the kernel, but made anew for each run of a model.
#[macro_export]
macro_rules! global_lock {
    (unsafe(uninit) static $name:ident: $kind:ident<$inner:ty> = $value:expr;) => {
        $crate::loom::lazy_static! {
            static ref $name: $crate::lock::GlobalLock<$crate::sync::$kind<$inner>> =
                $crate::lock::GlobalLock::new($value);
        }
    };
}

/// As in the kernel; the name is lockdep's.
#[macro_export]
macro_rules! new_condvar {
    ($name:literal) => {
        $crate::condvar::new()
    };
}

/// As in the kernel.
#[macro_export]
macro_rules! current {
    () => {
        $crate::task::Task
    };
}

/// pin-init's, with the kernel's error where none is named.
#[macro_export]
macro_rules! try_pin_init {
    ($($what:tt)*) => {
        pinned_init::try_pin_init!($($what)* ? $crate::error::Error)
    };
}
