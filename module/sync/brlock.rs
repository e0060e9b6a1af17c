// SPDX-License-Identifier: GPL-2.0

//! [`BrLock`], a big-reader lock: readers on different CPUs share no cache line.
//!
//! Single operations on a table may run side by side; a batch must run alone. With an ordinary
//! reader-writer lock every single operation would write to one cache line. Here a reader enters
//! the slot of its CPU, and a writer closes all slots and waits until they are empty.
//!
//! Readers may be preempted, so a writer sleeps while it waits. Readers stay inside briefly and
//! never wait for userspace there.

use super::{
    cpu_slot::{current_cpu, slots_in_use, Padded, MAX_SLOTS},
    slot::{Found, Slot},
};
use crate::attempts::SLOT_POLLS;
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

/// Slots for readers with a key, of whom each has its slot for itself.
const KEYED_SLOTS: usize = 8;

/// Data that many may read at once, or one may write.
///
/// Readers are of two kinds: plain ones run side by side with all others; those with a key exclude
/// others with the same key. The slots also count the operations done inside, so that counting
/// costs no atomic instruction of its own.
///
/// # Invariants
///
/// - `mask` is below [`MAX_SLOTS`]. The slots in use are those whose numbers have no bits outside
///   it.
/// - Only the holder of `writer` closes and opens slots.
/// - A shared reference to `data` is used only by the holder of `writer`, or inside a slot that was
///   found open on entering.
/// - A mutable reference to `data` exists only through a [`WriteGuard`], which holds `writer`, has
///   closed all slots in use, and has seen each of them empty since.
#[pin_data]
pub(crate) struct BrLock<T> {
    #[pin]
    writer: Mutex<()>,
    /// Operations that were counted outside the slots, less those taken back.
    ops_outside: Atomic<u64>,
    /// Operations that were counted in a slot and moved here when it was full. Held while they are
    /// moved and while all are summed up, so that a sum finds them either here or in the slot.
    #[pin]
    ops_moved: SpinLock<u64>,
    /// Signalled by the last reader who leaves a closed slot.
    #[pin]
    left: CondVar,
    #[pin]
    leaving: Mutex<()>,
    slots: [Padded<Slot>; MAX_SLOTS],
    keyed_slots: [Padded<Slot>; KEYED_SLOTS],
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
            writer <- new_mutex!((), "atomik::brlock::writer"),
            ops_outside: Atomic::new(0),
            ops_moved <- new_spinlock!(0, "atomik::brlock::ops_moved"),
            left <- new_condvar!("atomik::brlock::left"),
            leaving <- new_mutex!((), "atomik::brlock::leaving"),
            slots <- pin_init::init_array_from_fn(|_| Padded { value: Slot::new() }),
            keyed_slots <- pin_init::init_array_from_fn(|_| Padded { value: Slot::new() }),
            // INVARIANT: a power of two that is at most `MAX_SLOTS`, less one.
            mask: slots_in_use().wrapping_sub(1),
            data: UnsafeCell::new(data),
        })
    }

    /// Calls `f` with the data, side by side with other readers, and counts `ops` operations, 1 or
    /// none, where it succeeds. May sleep first, while a writer is inside.
    ///
    /// `f` must not wait for userspace.
    #[inline]
    pub(crate) fn read<R>(&self, ops: u32, f: impl FnOnce(&T) -> Result<R>) -> Result<R> {
        let slot = self.slot(current_cpu());
        if slot.enter().is_open() {
            // SAFETY: inside a slot that was found open.
            let result = f(unsafe { self.shared() });
            self.leave(slot, if result.is_ok() { ops } else { 0 });
            return result;
        }
        self.read_slowly(slot, ops, f)
    }

    /// [`Self::read`] after the slot was found closed or full.
    #[cold]
    #[inline(never)]
    fn read_slowly<R>(&self, slot: &Slot, ops: u32, f: impl FnOnce(&T) -> Result<R>) -> Result<R> {
        self.leave(slot, 0);
        let _writer = self.lock_writer();
        // SAFETY: `writer` is held.
        let result = f(unsafe { self.shared() });
        self.count_ops(if result.is_ok() { ops } else { 0 });
        result
    }

    /// Takes the writers' mutex for a reader who has found its slot closed or full, and makes room
    /// in full slots.
    #[cold]
    #[inline(never)]
    fn lock_writer(&self) -> Guard<'_, (), MutexBackend> {
        let writer = self.writer.lock();
        self.for_each_slot(|slot| {
            if slot.is_full() {
                let mut moved = self.ops_moved.lock();
                *moved = moved.wrapping_add(slot.take_ops());
            }
        });
        writer
    }

    /// As [`Self::read`] with one operation, while no other call of this with the same key reads.
    /// (Some keys share a slot, and exclude each other too.)
    #[inline]
    pub(crate) fn read_keyed<R>(&self, key: u32, f: impl FnOnce(&T) -> Result<R>) -> Result<R> {
        let slot = self.keyed_slot(key as usize);
        if slot.enter().is_open_and_empty() {
            // SAFETY: inside a slot that was found open.
            let result = f(unsafe { self.shared() });
            self.leave(slot, result.is_ok().into());
            return result;
        }
        self.read_keyed_slowly(slot, f)
    }

    /// [`Self::read_keyed`] after the slot was found closed, full or occupied.
    #[cold]
    #[inline(never)]
    fn read_keyed_slowly<R>(&self, slot: &Slot, f: impl FnOnce(&T) -> Result<R>) -> Result<R> {
        if self.poll(slot) {
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
        self.count_ops(result.is_ok().into());
        slot.open();
        result
    }

    /// Leaves a slot that was closed, full or occupied, and polls it until it can be entered alone.
    /// Returns whether the caller is inside.
    #[cold]
    #[inline(never)]
    fn poll(&self, slot: &Slot) -> bool {
        self.leave(slot, 0);
        // Others leave sooner than the caller could go to sleep, unless they are preempted.
        for _ in 0..SLOT_POLLS {
            cpu_relax();
            let found = slot.enter();
            if found.is_open_and_empty() {
                return true;
            }
            self.leave(slot, 0);
            if !found.is_open() {
                break;
            }
        }
        false
    }

    /// The data, for a reader.
    ///
    /// # Safety
    ///
    /// While the reference is used, the caller holds `writer`, or is inside a slot that it found
    /// open.
    #[inline]
    unsafe fn shared(&self) -> &T {
        // SAFETY: by the contract there is no mutable reference meanwhile: to make one takes
        // `writer`, and to close all slots and wait until they are empty, that is, until the caller
        // has left.
        unsafe { &*self.data.get() }
    }

    /// Takes the data for writing. May sleep; so may the holder of the guard.
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
        if found.is_closed() {
            self.leave_closed(found);
        }
    }

    /// Wakes the writer if a slot that it has closed is empty now.
    #[cold]
    #[inline(never)]
    fn leave_closed(&self, found: Found) {
        if found.has_one_reader() {
            // The mutex is held by a writer who saw the reader inside and doesn't sleep yet.
            drop(self.leaving.lock());
            self.left.notify_all();
        }
    }

    /// The slot of a CPU.
    #[inline]
    fn slot(&self, cpu: usize) -> &Slot {
        // In bounds by the mask's invariant; the remainder tells the compiler.
        &self.slots[(cpu & self.mask) % MAX_SLOTS].value
    }

    /// The slot for readers with this key.
    #[inline]
    fn keyed_slot(&self, key: usize) -> &Slot {
        // In bounds by the remainder.
        &self.keyed_slots[(key & self.mask) % KEYED_SLOTS].value
    }

    /// Calls `f` with each slot that is in use.
    #[inline]
    fn for_each_slot(&self, mut f: impl FnMut(&Slot)) {
        let number = self.mask.wrapping_add(1);
        for slot in self.slots.iter().take(number) {
            f(&slot.value);
        }
        for slot in self.keyed_slots.iter().take(number) {
            f(&slot.value);
        }
    }

    /// Counts `n` operations outside the slots.
    fn count_ops(&self, n: u32) {
        // Relaxed: a sum that sees them early does no harm, and a read-modify-write continues the
        // release sequence that `uncount_ops` has begun.
        self.ops_outside.fetch_add(n.into(), Relaxed);
    }

    /// Takes back the count of `n` operations.
    pub(crate) fn uncount_ops(&self, n: u32) {
        // Release: a sum that sees them taken back sees them counted too, perhaps in a slot.
        self.ops_outside.fetch_sub(n.into(), Release);
    }

    /// How many operations have been counted. Waits for no reader and no writer.
    pub(crate) fn ops(&self) -> u64 {
        let moved = self.ops_moved.lock();
        // Acquire, and before the slots: pairs with `uncount_ops`. Otherwise the sum might be below
        // zero.
        let mut sum = moved.wrapping_add(self.ops_outside.load(Acquire));
        self.for_each_slot(|slot| sum = sum.wrapping_add(slot.ops()));
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
    pub(crate) fn count_ops(&mut self, n: u32) {
        self.lock.count_ops(n);
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
        // Readers may enter from here on; `_writer` is released only after this.
        self.lock.for_each_slot(Slot::open);
    }
}
