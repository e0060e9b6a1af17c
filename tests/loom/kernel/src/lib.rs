// SPDX-License-Identifier: GPL-2.0

//! A stand-in for the kernel crate: the part that the driver's commands use, with the same names.
//!
//! Locks, atomics and [`sync::SetOnce`] are loom's. loom executes a case again and again until it
//! has tried every order of the threads' accesses to them, and every value that a load may return.
//! [`alloc::KVVec`] tells loom of each access to its memory, so that accesses without an order are
//! found even where they do no harm. User memory is the test's own memory, with pages that may be
//! away or read-only.
//!
//! Rules are checked on the way: the kernel's, which forbids sleeping and allocating under a
//! spinlock, and the driver's, which forbids copies that may fault under any lock.
//!
//! loom's memory model compared with the kernel's (LKMM):
//!
//! - Relaxed, Acquire and Release are C11's. They allow all that the kernel's allow, and more: LKMM
//!   orders dependent accesses, and loom does not for Relaxed ones.
//! - `Full` becomes SeqCst, which loom treats as AcqRel: weaker than the kernel's full barrier. So
//!   nothing that passes here depends on `Full`. The driver has it so that all CPUs see an
//!   operation that has returned; loom can't check that, the histories of the guest do.
//! - `smp_mb(Write)` is a release fence, which orders loads before it as well. The driver has no
//!   other fences; SeqCst ones are where loom is weakest.
//! - loom remembers the last seven values of an atomic.
//! - Each thread of a case stays on one CPU: see [`cpu`].

pub mod alloc;
mod arc;
pub mod atomic;
pub mod barrier;
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

/// The kernel's module of this name.
pub mod sync {
    pub use crate::{
        arc::Arc,
        atomic, barrier,
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

/// As in the kernel, but made anew for each interleaving.
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

/// As in the kernel; the name is lockdep's.
#[macro_export]
macro_rules! new_poll_condvar {
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

/// pin-init's, with the kernel's error by default.
#[macro_export]
macro_rules! try_pin_init {
    ($($what:tt)*) => {
        pinned_init::try_pin_init!($($what)* ? $crate::error::Error)
    };
}
