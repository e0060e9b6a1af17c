// SPDX-License-Identifier: GPL-2.0

//! [`BrLock`], a big-reader lock: readers on different CPUs touch nothing in common.
//!
//! A table is used by single operations, which may run side by side, and by batches, which must
//! run alone. An ordinary reader-writer lock would have every single operation write to one cache
//! line. Here a reader takes the spinlock of its CPU's slot, and a writer waits for each slot to be
//! free once, after it has closed the way in.

use crate::cpu_slot::{current_cpu, slots_in_use, Padded, MAX_SLOTS};
use core::{
    cell::UnsafeCell,
    ops::{Deref, DerefMut},
};
use kernel::{
    new_mutex, new_spinlock,
    prelude::*,
    sync::{
        atomic::{Acquire, Atomic, Relaxed, Release},
        lock::{mutex::MutexBackend, spinlock::SpinLockBackend, Guard},
        Mutex, SpinLock,
    },
};

/// Data that many may read at once, or one may write.
///
/// Each lock inside also guards a count of the operations done under it, so that counting costs no
/// atomic instruction of its own.
///
/// # Invariants
///
/// - `writing` is true only while a [`WriteGuard`] exists or is being made; either holds `writer`.
/// - `mask` is below [`MAX_SLOTS`], and readers take only slots whose number is a subset of its
///   bits.
/// - A shared reference to `data` exists only within a [`ReadGuard`], which holds `writer`, or a
///   slot under which it has seen `writing` false.
/// - A mutable reference to `data` exists only within a [`WriteGuard`]: it holds `writer`, has set
///   `writing`, and has held each of the slots once since.
#[pin_data]
pub(crate) struct BrLock<T> {
    #[pin]
    writer: Mutex<u64>,
    writing: Atomic<bool>,
    #[pin]
    slots: [Padded<SpinLock<u64>>; MAX_SLOTS],
    mask: usize,
    data: UnsafeCell<T>,
}

// SAFETY: the lock moves its data from one thread to another (`T: Send`) and lends it to several at
// a time (`T: Sync`); by the invariants these never meet a mutable reference.
unsafe impl<T: Send + Sync> Sync for BrLock<T> {}

impl<T> BrLock<T> {
    /// Initialises a lock that holds `data`.
    pub(crate) fn new(data: T) -> impl PinInit<Self> {
        pin_init!(Self {
            writer <- new_mutex!(0, "atomik::table::writer"),
            writing: Atomic::new(false),
            slots <- pin_init::pin_init_array_from_fn(|_| {
                pin_init!(Padded {
                    value <- new_spinlock!(0, "atomik::table::reader"),
                })
            }),
            // INVARIANT: a power of two that is at most `MAX_SLOTS`, less one.
            mask: slots_in_use().wrapping_sub(1),
            data: UnsafeCell::new(data),
        })
    }

    /// Takes the data for reading.
    ///
    /// May sleep, while a writer is at work. The guard usually holds a spinlock: its holder must
    /// not sleep.
    #[inline]
    pub(crate) fn read(&self) -> ReadGuard<'_, T> {
        if let Some(slot) = self.slots.get(current_cpu() & self.mask) {
            let held = slot.value.lock();
            // Acquire: pairs with the Release in `WriteGuard::drop`, so that a reader that sees
            // `writing` false again sees all that the writer wrote. That a reader can't miss a
            // writer is due to the slot's lock: see `write`.
            if !self.writing.load(Acquire) {
                // INVARIANT: the slot is held, and `writing` has been seen false under it.
                return ReadGuard {
                    lock: self,
                    held: Held::Slot(held),
                };
            }
        }
        // INVARIANT: `writer` is held.
        ReadGuard {
            lock: self,
            held: Held::Writer(self.writer.lock()),
        }
    }

    /// Takes the data for writing. May sleep, as may the guard's holder.
    pub(crate) fn write(&self) -> WriteGuard<'_, T> {
        let writer = self.writer.lock();
        // Relaxed: the locks of the slots order it. A reader that takes a slot after this has
        // released it sees `writing` true; one that took it before is gone when this gets it, and
        // all that it did is seen here.
        self.writing.store(true, Relaxed);
        for slot in self.slots.iter().take(self.mask.wrapping_add(1)) {
            drop(slot.value.lock());
        }
        // INVARIANT: as described above.
        WriteGuard { lock: self, writer }
    }

    /// How many operations the guards of this lock have counted.
    pub(crate) fn counted(&self) -> u64 {
        let mut sum = *self.writer.lock();
        for slot in &self.slots {
            sum = sum.wrapping_add(*slot.value.lock());
        }
        sum
    }
}

/// What a [`ReadGuard`] holds.
enum Held<'a> {
    Slot(Guard<'a, u64, SpinLockBackend>),
    Writer(Guard<'a, u64, MutexBackend>),
}

/// The right to read the data.
pub(crate) struct ReadGuard<'a, T> {
    lock: &'a BrLock<T>,
    held: Held<'a>,
}

impl<T> ReadGuard<'_, T> {
    /// Counts `n` operations.
    #[inline]
    pub(crate) fn count(&mut self, n: u32) {
        let counter = self.counter();
        *counter = counter.wrapping_add(u64::from(n));
    }

    /// Takes back `n` operations that were counted, under whichever lock.
    pub(crate) fn discount(&mut self, n: u32) {
        let counter = self.counter();
        *counter = counter.wrapping_sub(u64::from(n));
    }

    #[inline]
    fn counter(&mut self) -> &mut u64 {
        match &mut self.held {
            Held::Slot(guard) => guard,
            Held::Writer(guard) => guard,
        }
    }
}

impl<T> Deref for ReadGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: while this guard exists no mutable reference does, by the invariants. A writer
        // waits for the held slot, or for `writer`; and that `writing` was false under the slot
        // means that no writer had got past it.
        unsafe { &*self.lock.data.get() }
    }
}

/// The right to write the data.
pub(crate) struct WriteGuard<'a, T> {
    lock: &'a BrLock<T>,
    writer: Guard<'a, u64, MutexBackend>,
}

impl<T> WriteGuard<'_, T> {
    /// Counts `n` operations.
    pub(crate) fn count(&mut self, n: u32) {
        *self.writer = self.writer.wrapping_add(u64::from(n));
    }
}

impl<T> Deref for WriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: this guard excludes every other, and `&self` excludes a mutable reference made
        // through it.
        unsafe { &*self.lock.data.get() }
    }
}

impl<T> DerefMut for WriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this guard excludes every other, and `&mut self` excludes other references made
        // through it.
        unsafe { &mut *self.lock.data.get() }
    }
}

impl<T> Drop for WriteGuard<'_, T> {
    fn drop(&mut self) {
        // Release: pairs with the Acquire in `BrLock::read`. Readers may come in from here on,
        // though `writer` is only released after this.
        self.lock.writing.store(false, Release);
    }
}
