// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Lock`]: a value that threads share, and that is whole in the child of a fork.
//!
//! A fork copies the memory, but only the thread that forks. A value that another thread has locked
//! would stay locked in the child for good, and half changed. So a fork waits until no lock is
//! held. The holder of a lock also holds [`FORKS`] as a reader; a thread that forks holds it as the
//! writer, from just before the fork until just after it, in both processes.
//!
//! A thread that forks mostly has the interpreter. So no holder of a lock waits for the
//! interpreter: it either has it all the time, and doesn't call Python, or has released it, and
//! takes it back after it has released the lock.

use std::cell::Cell;
use std::sync::{
    Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError,
};

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

static FORKS: RwLock<()> = RwLock::new(());

thread_local! {
    /// The writer's lock, while this thread forks.
    static FORKING: Cell<Option<RwLockWriteGuard<'static, ()>>> = const { Cell::new(None) };
}

/// Makes each later fork of this process wait for the locks.
pub fn watch_forks(py: Python<'_>) -> PyResult<()> {
    static WATCHED: PyOnceLock<()> = PyOnceLock::new();
    WATCHED
        .get_or_try_init(py, || {
            // SAFETY: functions that stay, as Python never unloads a module.
            match unsafe { libc::pthread_atfork(Some(before), Some(after), Some(in_child)) } {
                0 => Ok(()),
                errno => Err(PyOSError::new_err((errno, "forks can't be watched"))),
            }
        })
        .copied()
}

extern "C" fn before() {
    let forks = FORKS.write().unwrap_or_else(PoisonError::into_inner);
    // A thread that forks while it ends has no place for the guard.
    let _ = FORKING.try_with(|forking| forking.set(Some(forks)));
}

extern "C" fn after() {
    drop(FORKING.try_with(Cell::take));
}

extern "C" fn in_child() {
    after();
    crate::bell::forked();
}

/// A value that threads share.
pub struct Lock<T>(Mutex<T>);

impl<T: Send> Lock<T> {
    pub const fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    /// Calls `f` with the value, which no other thread uses meanwhile. `f` must not call Python,
    /// which might come back here.
    pub fn with<R: Send>(&self, py: Python<'_>, f: impl FnOnce(&mut T) -> R + Send) -> R {
        if let Ok(_forks) = FORKS.try_read() {
            match self.0.try_lock() {
                Ok(mut value) => return f(&mut value),
                Err(TryLockError::Poisoned(value)) => return f(&mut value.into_inner()),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        py.detach(|| self.hold(f))
    }

    /// The same, for callers that have released the interpreter, and for values that are never
    /// locked for long.
    pub fn hold<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        let _forks = no_forks();
        f(&mut self.lock())
    }

    /// The same with the values of two different locks.
    pub fn hold_both<R>(&self, other: &Self, f: impl FnOnce(&mut T, &mut T) -> R) -> R {
        let _forks = no_forks();
        // Another thread may want the same two in the other order.
        let (mut this, mut that);
        if std::ptr::from_ref(self) < std::ptr::from_ref(other) {
            this = self.lock();
            that = other.lock();
        } else {
            that = other.lock();
            this = self.lock();
        }
        f(&mut this, &mut that)
    }

    fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps this process from forking. No thread may have two of them.
fn no_forks() -> RwLockReadGuard<'static, ()> {
    FORKS.read().unwrap_or_else(PoisonError::into_inner)
}
