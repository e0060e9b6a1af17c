// SPDX-License-Identifier: GPL-2.0

//! [`BrLock`], a big-reader lock: readers on different CPUs touch nothing in common.
//!
//! A table is used by single operations, which may run side by side, and by batches, which must
//! run alone. An ordinary reader-writer lock would have every single operation write to one cache
//! line. Here a reader comes in through the slot of its CPU, and a writer closes all slots and waits
//! until nobody is inside.
//!
//! Readers may be preempted, so a writer waits asleep. What readers do inside is short and never
//! waits for userspace.

use crate::{
    cpu_slot::{current_cpu, slots_in_use, Padded, MAX_SLOTS},
    patience::ATTEMPTS,
    slot::Slot,
};
use core::{
    cell::UnsafeCell,
    ops::{Deref, DerefMut},
};
use kernel::{
    new_condvar, new_mutex,
    prelude::*,
    processor::cpu_relax,
    sync::{
        lock::{mutex::MutexBackend, Guard},
        CondVar, Mutex,
    },
};

/// Slots for readers who go alone; they choose by a key, so that fewer do.
const LONE_SLOTS: usize = 8;

/// Data that many may read at once, or one may write.
///
/// Readers come in two kinds: those who go side by side with all others, and those who exclude
/// others of their kind with the same key. The slots also count the operations done inside, so that
/// counting costs no atomic instruction of its own.
///
/// # Invariants
///
/// - `mask` is below [`MAX_SLOTS`], and only slots whose number is a subset of its bits are used.
/// - Slots are closed and opened by the holder of `writer` alone.
/// - A shared reference to `data` exists only within a guard, which holds `writer`, or is inside a
///   slot that it has found open.
/// - A mutable reference to `data` exists only within a [`WriteGuard`]: it holds `writer`, has closed
///   all slots in use, and has seen each of them empty since.
#[pin_data]
pub(crate) struct BrLock<T> {
    /// What was counted elsewhere than in the slots.
    #[pin]
    writer: Mutex<u64>,
    /// Who leaves a closed slot last says so here.
    #[pin]
    left: CondVar,
    #[pin]
    leaving: Mutex<()>,
    slots: [Padded<Slot>; MAX_SLOTS],
    lone_slots: [Padded<Slot>; LONE_SLOTS],
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
            left <- new_condvar!("atomik::table::left"),
            leaving <- new_mutex!((), "atomik::table::leaving"),
            slots <- pin_init::init_array_from_fn(|_| Padded { value: Slot::new() }),
            lone_slots <- pin_init::init_array_from_fn(|_| Padded { value: Slot::new() }),
            // INVARIANT: a power of two that is at most `MAX_SLOTS`, less one.
            mask: slots_in_use().wrapping_sub(1),
            data: UnsafeCell::new(data),
        })
    }

    /// Takes the data for reading, side by side with other readers. May sleep while a writer is at
    /// work.
    ///
    /// The guard's holder must not wait for userspace.
    #[inline]
    pub(crate) fn read(&self) -> ReadGuard<'_, T> {
        if let Some(slot) = self.slots.get(current_cpu() & self.mask) {
            if slot.value.enter().open() {
                // INVARIANT: inside a slot that was found open.
                return ReadGuard::new(self, Held::Slot(&slot.value));
            }
            return self.read_slowly(&slot.value);
        }
        // INVARIANT: `writer` is held.
        ReadGuard::new(self, Held::Writer(self.writer.lock()))
    }

    /// Reads after all, having come into a slot that is not open.
    #[cold]
    #[inline(never)]
    fn read_slowly(&self, slot: &Slot) -> ReadGuard<'_, T> {
        self.leave(slot, 0);
        let mut writer = self.writer.lock();
        *writer = writer.wrapping_add(slot.take_count());
        // INVARIANT: `writer` is held.
        ReadGuard::new(self, Held::Writer(writer))
    }

    /// Takes the data for reading, side by side with [`Self::read`], while nobody else has called
    /// this with the same key (and some others) and still has the guard. May sleep.
    ///
    /// The guard's holder must not wait for userspace.
    #[inline]
    pub(crate) fn read_alone(&self, key: u32) -> ReadGuard<'_, T> {
        if let Some(slot) = self.lone_slots.get(key as usize & self.mask % LONE_SLOTS) {
            if slot.value.enter().open_and_empty() {
                // INVARIANT: inside a slot that was found open.
                return ReadGuard::new(self, Held::Slot(&slot.value));
            }
            return self.read_alone_slowly(&slot.value);
        }
        // The mask has it that there is a slot.
        ReadGuard::new(self, Held::All(self.write()))
    }

    /// Reads alone after all, having come into a slot that is not open or not empty.
    #[cold]
    #[inline(never)]
    fn read_alone_slowly<'a>(&'a self, slot: &'a Slot) -> ReadGuard<'a, T> {
        self.leave(slot, 0);
        // What others do inside takes less time than going to sleep, unless they are preempted.
        for _ in 0..ATTEMPTS {
            cpu_relax();
            let found = slot.enter();
            if found.open_and_empty() {
                // INVARIANT: inside a slot that was found open.
                return ReadGuard::new(self, Held::Slot(slot));
            }
            self.leave(slot, 0);
            if found.closed() {
                break;
            }
        }
        let mut writer = self.writer.lock();
        // INVARIANT: `writer` is held, here and until the slot is opened.
        if !slot.close() {
            self.wait_for(slot);
        }
        *writer = writer.wrapping_add(slot.take_count());
        ReadGuard::new(self, Held::Closed(writer, slot))
    }

    /// Takes the data for writing. May sleep, as may the guard's holder.
    pub(crate) fn write(&self) -> WriteGuard<'_, T> {
        let writer = self.writer.lock();
        // INVARIANT: `writer` is held, here and until the slots are opened.
        let mut empty = true;
        for slot in self.used() {
            empty &= slot.close();
        }
        if !empty {
            self.wait_for_all();
        }
        // INVARIANT: all slots in use are closed, and each has been empty since.
        WriteGuard { lock: self, writer }
    }

    #[cold]
    fn wait_for_all(&self) {
        for slot in self.used() {
            self.wait_for(slot);
        }
    }

    /// Waits until a closed slot is empty.
    fn wait_for(&self, slot: &Slot) {
        let mut leaving = self.leaving.lock();
        while !slot.is_empty() {
            self.left.wait(&mut leaving);
        }
    }

    #[inline]
    fn leave(&self, slot: &Slot, ops: u32) {
        if slot.leave(ops) {
            self.tell_writer();
        }
    }

    #[cold]
    #[inline(never)]
    fn tell_writer(&self) {
        // A writer who has looked before this one left, and doesn't sleep yet, holds the mutex.
        drop(self.leaving.lock());
        self.left.notify_all();
    }

    /// The slots that are in use.
    #[inline]
    fn used(&self) -> impl Iterator<Item = &Slot> {
        let number = self.mask.wrapping_add(1);
        let slots = self.slots.iter().take(number);
        // By its full name, as `pin_init` has another `chain`.
        Iterator::chain(slots, self.lone_slots.iter().take(number)).map(|padded| &padded.value)
    }

    /// How many operations the guards of this lock have counted.
    pub(crate) fn counted(&self) -> u64 {
        let elsewhere = self.writer.lock();
        self.used()
            .fold(*elsewhere, |sum, slot| sum.wrapping_add(slot.count()))
    }

    /// Takes back `n` operations that were counted.
    pub(crate) fn discount(&self, n: u32) {
        let mut elsewhere = self.writer.lock();
        *elsewhere = elsewhere.wrapping_sub(u64::from(n));
    }
}

/// What a [`ReadGuard`] holds.
enum Held<'a, T> {
    /// A way in that was found open.
    Slot(&'a Slot),
    /// The right to write, of which no use is made.
    Writer(Guard<'a, u64, MutexBackend>),
    /// The same, and one way in closed.
    Closed(Guard<'a, u64, MutexBackend>, &'a Slot),
    /// All ways in closed.
    All(WriteGuard<'a, T>),
}

/// The right to read the data.
pub(crate) struct ReadGuard<'a, T> {
    lock: &'a BrLock<T>,
    held: Held<'a, T>,
    ops: u32,
}

impl<'a, T> ReadGuard<'a, T> {
    #[inline]
    fn new(lock: &'a BrLock<T>, held: Held<'a, T>) -> Self {
        Self { lock, held, ops: 0 }
    }

    /// Counts one operation.
    #[inline]
    pub(crate) fn count(&mut self) {
        self.ops = 1;
    }
}

impl<T> Deref for ReadGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: while this guard exists no mutable reference does, by the invariants. A writer
        // waits until the slot is empty, or for `writer`; and that the slot was found open means
        // that no writer had closed it yet.
        unsafe { &*self.lock.data.get() }
    }
}

impl<T> Drop for ReadGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        match &mut self.held {
            Held::Slot(slot) => self.lock.leave(slot, self.ops),
            held => drop_slowly(held, self.ops),
        }
    }
}

#[cold]
#[inline(never)]
fn drop_slowly<T>(held: &mut Held<'_, T>, ops: u32) {
    match held {
        Held::Slot(_) => {}
        Held::Writer(counter) => **counter = counter.wrapping_add(u64::from(ops)),
        Held::Closed(counter, slot) => {
            **counter = counter.wrapping_add(u64::from(ops));
            slot.open();
        }
        Held::All(guard) => guard.count(ops),
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
        // Readers may come in from here on, though `writer` is only released after this.
        for slot in self.lock.used() {
            slot.open();
        }
    }
}
