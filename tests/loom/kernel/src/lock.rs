// SPDX-License-Identifier: GPL-2.0

//! Mutexes and spinlocks.

use crate::{atomic, held, set_once};
use core::{
    cell::UnsafeCell,
    marker::PhantomData,
    ops::{Deref, DerefMut},
};
use pinned_init::{Init, PinInit, pin_init_from_closure};

/// A kind of lock.
pub trait Backend {
    const SPINS: bool;
}

pub mod mutex {
    /// A lock that sleeps.
    pub struct MutexBackend;

    impl super::Backend for MutexBackend {
        const SPINS: bool = false;
    }
}

pub mod spinlock {
    /// A lock that spins.
    pub struct SpinLockBackend;

    impl super::Backend for SpinLockBackend {
        const SPINS: bool = true;
    }
}

pub type Mutex<T> = Lock<T, mutex::MutexBackend>;
pub type SpinLock<T> = Lock<T, spinlock::SpinLockBackend>;

/// A lock around some data.
pub struct Lock<T, B> {
    lock: loom::sync::Mutex<()>,
    data: UnsafeCell<T>,
    kind: PhantomData<B>,
}

// SAFETY: the data is used only under the lock.
unsafe impl<T: Send, B> Sync for Lock<T, B> {}

/// Initialises a lock with its data.
pub fn new<T, B>(data: impl Init<T>) -> impl PinInit<Lock<T, B>> {
    // SAFETY: initialises all fields. (Pinning isn't needed: a lock may be moved.)
    unsafe {
        pin_init_from_closure(move |slot: *mut Lock<T, B>| {
            data.__init((&raw mut (*slot).data).cast())?;
            (&raw mut (*slot).lock).write(loom::sync::Mutex::new(()));
            set_once::end_of_row();
            Ok(())
        })
    }
}

impl<T, B: Backend> Lock<T, B> {
    #[track_caller]
    pub fn lock(&self) -> Guard<'_, T, B> {
        atomic::write_back();
        if !B::SPINS {
            held::might_sleep();
        }
        let held = Some(self.lock.lock().expect("not poisoned"));
        held::took(B::SPINS);
        Guard { lock: self, held }
    }
}

/// A lock that [`crate::global_lock`] makes.
pub struct GlobalLock<L>(L);

impl<T, B> GlobalLock<Lock<T, B>> {
    pub fn new(data: T) -> Self {
        Self(Lock {
            lock: loom::sync::Mutex::new(()),
            data: UnsafeCell::new(data),
            kind: PhantomData,
        })
    }

    /// # Safety
    ///
    /// None here: the lock is ready once it is made.
    pub unsafe fn init(&self) {}
}

impl<L> Deref for GlobalLock<L> {
    type Target = L;

    fn deref(&self) -> &L {
        &self.0
    }
}

/// The right to the data of a lock.
pub struct Guard<'a, T, B: Backend> {
    lock: &'a Lock<T, B>,
    held: Option<loom::sync::MutexGuard<'a, ()>>,
}

impl<'a, T, B: Backend> Guard<'a, T, B> {
    /// Calls `f` to release the lock and take it again.
    pub(crate) fn unlocked(
        &mut self,
        f: impl FnOnce(loom::sync::MutexGuard<'a, ()>) -> loom::sync::MutexGuard<'a, ()>,
    ) {
        self.held = self.held.take().map(f);
    }
}

impl<T, B: Backend> Deref for Guard<'_, T, B> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the lock is held.
        unsafe { &*self.lock.data.get() }
    }
}

impl<T, B: Backend> DerefMut for Guard<'_, T, B> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above.
        unsafe { &mut *self.lock.data.get() }
    }
}

impl<T, B: Backend> Drop for Guard<'_, T, B> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // The case has failed, and loom, which is leaving it, can't be called any more.
            core::mem::forget(self.held.take());
            return;
        }
        atomic::write_back();
        held::released(B::SPINS);
    }
}
