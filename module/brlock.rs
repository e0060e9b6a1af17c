// SPDX-License-Identifier: GPL-2.0

//! [`BrLock`], a big-reader lock: readers on different CPUs touch nothing in common.
//!
//! A table is used by single operations, which may run side by side, and by batches, which must
//! run alone. An ordinary reader-writer lock would have every single operation write to one cache
//! line. Here a reader comes in through the slot of its CPU, and a writer closes all slots and
//! waits until nobody is inside.
//!
//! Readers may be preempted, so a writer waits asleep. What readers do inside is short and never
//! waits for userspace.

use crate::{
    cpu_slot::{current_cpu, slots_in_use, Padded, MAX_SLOTS},
    patience::ATTEMPTS,
    slot::{Found, Slot},
};
use core::{
    cell::UnsafeCell,
    ops::{Deref, DerefMut},
};
use kernel::{
    new_condvar, new_mutex, new_spinlock,
    prelude::*,
    processor::cpu_relax,
    sync::{
        atomic::{Acquire, Atomic, Relaxed, Release},
        lock::{mutex::MutexBackend, Guard},
        CondVar, Mutex, SpinLock,
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
/// - A shared reference to `data` is used only by who holds `writer`, or is inside a slot that he has
///   found open.
/// - A mutable reference to `data` exists only through a [`WriteGuard`]: it holds `writer`, has closed
///   all slots in use, and has seen each of them empty since.
#[pin_data]
pub(crate) struct BrLock<T> {
    #[pin]
    writer: Mutex<()>,
    /// Operations that were counted elsewhere than in the slots.
    counted_elsewhere: Atomic<u64>,
    /// Operations that were counted in a slot and taken away, as it was full. Who takes them away
    /// holds this, and so does who sums up: it finds them in one of the two places.
    #[pin]
    taken: SpinLock<u64>,
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
            writer <- new_mutex!((), "atomik::table::writer"),
            counted_elsewhere: Atomic::new(0),
            taken <- new_spinlock!(0, "atomik::table::taken"),
            left <- new_condvar!("atomik::table::left"),
            leaving <- new_mutex!((), "atomik::table::leaving"),
            slots <- pin_init::init_array_from_fn(|_| Padded { value: Slot::new() }),
            lone_slots <- pin_init::init_array_from_fn(|_| Padded { value: Slot::new() }),
            // INVARIANT: a power of two that is at most `MAX_SLOTS`, less one.
            mask: slots_in_use().wrapping_sub(1),
            data: UnsafeCell::new(data),
        })
    }

    /// Has `f` read the data, side by side with other readers, and counts `ops` operations where it
    /// succeeds: 1 or none. May sleep first, while a writer is at work.
    ///
    /// `f` must not wait for userspace.
    #[inline]
    pub(crate) fn read<R>(&self, ops: u32, f: impl FnOnce(&T) -> Result<R>) -> Result<R> {
        let slot = self.slot(current_cpu());
        if slot.enter().open() {
            // SAFETY: inside a slot that was found open.
            let result = f(unsafe { self.shared() });
            self.leave(slot, if result.is_ok() { ops } else { 0 });
            return result;
        }
        self.read_slowly(slot, ops, f)
    }

    /// [`Self::read`], for a reader who has found the way in closed.
    #[cold]
    #[inline(never)]
    fn read_slowly<R>(&self, slot: &Slot, ops: u32, f: impl FnOnce(&T) -> Result<R>) -> Result<R> {
        self.leave(slot, 0);
        let _writer = self.lock_writer();
        // SAFETY: `writer` is held.
        let result = f(unsafe { self.shared() });
        self.count(if result.is_ok() { ops } else { 0 });
        result
    }

    /// Takes the mutex, for a reader who has found the way in closed.
    #[cold]
    #[inline(never)]
    fn lock_writer(&self) -> Guard<'_, (), MutexBackend> {
        let writer = self.writer.lock();
        // Before it is too much for one of them, and closes it.
        self.for_each_slot(|slot| {
            if slot.is_full() {
                let mut taken = self.taken.lock();
                *taken = taken.wrapping_add(slot.take_count());
            }
        });
        writer
    }

    /// As [`Self::read`] of one operation, while nobody else has called this with the same key (and
    /// some others) and is still reading.
    #[inline]
    pub(crate) fn read_alone<R>(&self, key: u32, f: impl FnOnce(&T) -> Result<R>) -> Result<R> {
        let slot = self.lone_slot(key as usize);
        if slot.enter().open_and_empty() {
            // SAFETY: inside a slot that was found open.
            let result = f(unsafe { self.shared() });
            self.leave(slot, result.is_ok().into());
            return result;
        }
        self.read_alone_slowly(slot, f)
    }

    /// [`Self::read_alone`], for a reader who has found the way in closed, or another inside.
    #[cold]
    #[inline(never)]
    fn read_alone_slowly<R>(&self, slot: &Slot, f: impl FnOnce(&T) -> Result<R>) -> Result<R> {
        if self.enter_slowly(slot) {
            // SAFETY: inside a slot that was found open.
            let result = f(unsafe { self.shared() });
            self.leave(slot, result.is_ok().into());
            return result;
        }
        let _writer = self.lock_writer();
        // INVARIANT: `writer` is held, here and until the slot is opened.
        if !slot.close() {
            self.wait_for(slot);
        }
        // SAFETY: `writer` is held.
        let result = f(unsafe { self.shared() });
        self.count(result.is_ok().into());
        slot.open();
        result
    }

    /// Comes into a slot alone, having come in where it was closed, or somebody inside. Returns
    /// whether that went well; otherwise, has left.
    #[cold]
    #[inline(never)]
    fn enter_slowly(&self, slot: &Slot) -> bool {
        self.leave(slot, 0);
        // What others do inside takes less time than going to sleep, unless they are preempted.
        for _ in 0..ATTEMPTS {
            cpu_relax();
            let found = slot.enter();
            if found.open_and_empty() {
                return true;
            }
            self.leave(slot, 0);
            if !found.open() {
                break;
            }
        }
        false
    }

    /// The data, for a reader.
    ///
    /// # Safety
    ///
    /// While the reference is used, the caller holds `writer`, or is inside a slot that it has
    /// found open.
    #[inline]
    unsafe fn shared(&self) -> &T {
        // SAFETY: by the contract there is no mutable reference meanwhile: who makes one holds
        // `writer`, and has closed all slots and waited until they were empty, which takes that the
        // caller leaves.
        unsafe { &*self.data.get() }
    }

    /// Takes the data for writing. May sleep, as may the guard's holder.
    pub(crate) fn write(&self) -> WriteGuard<'_, T> {
        let writer = self.writer.lock();
        // INVARIANT: `writer` is held, here and until the slots are opened.
        let mut empty = true;
        self.for_each_slot(|slot| empty &= slot.close());
        if !empty {
            self.wait_for_all();
        }
        // INVARIANT: all slots in use are closed, and each has been empty since.
        WriteGuard {
            lock: self,
            _writer: writer,
        }
    }

    #[cold]
    fn wait_for_all(&self) {
        self.for_each_slot(|slot| self.wait_for(slot));
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
        let found = slot.leave(ops);
        if found.closed() {
            self.leave_closed(found);
        }
    }

    /// Tells the writer that a slot which he has closed is empty.
    #[cold]
    #[inline(never)]
    fn leave_closed(&self, found: Found) {
        if found.with_one() {
            // A writer who looked before this one left, and doesn't sleep yet, holds the mutex.
            drop(self.leaving.lock());
            self.left.notify_all();
        }
    }

    /// The slot of a CPU.
    #[inline]
    fn slot(&self, cpu: usize) -> &Slot {
        // The remainder says to the compiler what the mask's invariant has said already.
        &self.slots[(cpu & self.mask) % MAX_SLOTS].value
    }

    /// The slot for those with this key.
    #[inline]
    fn lone_slot(&self, key: usize) -> &Slot {
        &self.lone_slots[(key & self.mask) % LONE_SLOTS].value
    }

    /// Calls `f` with each slot that is in use.
    #[inline]
    fn for_each_slot(&self, mut f: impl FnMut(&Slot)) {
        let number = self.mask.wrapping_add(1);
        for slot in self.slots.iter().take(number) {
            f(&slot.value);
        }
        for slot in self.lone_slots.iter().take(number) {
            f(&slot.value);
        }
    }

    /// Counts `n` operations, elsewhere than in a slot.
    fn count(&self, n: u32) {
        // Relaxed: more than there were would be no harm, and it leaves `discount`'s order as it
        // is.
        self.counted_elsewhere.fetch_add(n.into(), Relaxed);
    }

    /// Takes back `n` operations that were counted.
    pub(crate) fn discount(&self, n: u32) {
        // Release: who sees that they were taken back sees that they were counted, in a slot
        // perhaps.
        self.counted_elsewhere.fetch_sub(n.into(), Release);
    }

    /// How many operations have been counted. Waits for no reader and no writer.
    pub(crate) fn counted(&self) -> u64 {
        let taken = self.taken.lock();
        // Acquire, and before the slots: see `discount`. Otherwise there might be less than
        // nothing.
        let mut sum = taken.wrapping_add(self.counted_elsewhere.load(Acquire));
        self.for_each_slot(|slot| sum = sum.wrapping_add(slot.count()));
        sum
    }
}

/// The right to write the data.
pub(crate) struct WriteGuard<'a, T> {
    lock: &'a BrLock<T>,
    _writer: Guard<'a, (), MutexBackend>,
}

impl<T> WriteGuard<'_, T> {
    /// Counts `n` operations.
    pub(crate) fn count(&mut self, n: u32) {
        self.lock.count(n);
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
        // Readers may come in from here on, though `_writer` is only released after this.
        self.lock.for_each_slot(Slot::open);
    }
}
