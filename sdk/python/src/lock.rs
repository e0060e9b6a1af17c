// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Lock`]: what changes inside an object, which threads share, and which a fork finds whole.
//!
//! A fork copies the memory, and of the threads only the one that forks. What another one has
//! locked at that moment would stay locked in the child for good, and half changed. So a fork waits
//! until nobody holds a lock: who holds one, holds [`FORKS`] as a reader, and who forks has it as
//! the writer, from just before the fork until just after it, in both processes.
//!
//! Who forks has the interpreter, as a rule. So no holder of a lock waits for that: it either has
//! the interpreter all the time, and doesn't call Python, or has released it, and takes it back
//! after the lock's end.

use std::cell::Cell;
use std::sync::{
    Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError,
};

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

static FORKS: RwLock<()> = RwLock::new(());

thread_local! {
    /// What the thread has while it forks.
    static FORKING: Cell<Option<RwLockWriteGuard<'static, ()>>> = const { Cell::new(None) };
}

/// Has each fork of this process from now on wait for the locks.
pub fn watch_forks(py: Python<'_>) -> PyResult<()> {
    static WATCHED: PyOnceLock<()> = PyOnceLock::new();
    WATCHED
        .get_or_try_init(py, || {
            // SAFETY: functions that stay, as Python never unloads a module.
            match unsafe { libc::pthread_atfork(Some(before), Some(after), Some(after)) } {
                0 => Ok(()),
                errno => Err(PyOSError::new_err((errno, "forks can't be watched"))),
            }
        })
        .copied()
}

extern "C" fn before() {
    let forks = FORKS.write().unwrap_or_else(PoisonError::into_inner);
    // A thread that ends and forks all the same has nowhere to keep it.
    let _ = FORKING.try_with(|forking| forking.set(Some(forks)));
}

extern "C" fn after() {
    drop(FORKING.try_with(Cell::take));
}

/// Something that threads share.
pub struct Lock<T>(Mutex<T>);

impl<T: Send> Lock<T> {
    pub fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    /// Does something with the value, without other threads. It must not call Python, which might
    /// come back here.
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

    /// The same for who has released the interpreter, or where nobody keeps the lock but for a
    /// moment.
    pub fn hold<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        let _forks = no_forks();
        f(&mut self.lock())
    }

    /// The same with the values of two locks, which must not be one.
    pub fn hold_both<R>(&self, other: &Self, f: impl FnOnce(&mut T, &mut T) -> R) -> R {
        let _forks = no_forks();
        // Two threads may want the same two the other way round.
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

/// While this is there, this process doesn't fork. No thread may have two of them.
fn no_forks() -> RwLockReadGuard<'static, ()> {
    FORKS.read().unwrap_or_else(PoisonError::into_inner)
}
