// SPDX-License-Identifier: GPL-2.0

//! [`BrLock`], a big-reader lock: readers on different CPUs share no cache line.
//!
//! Single operations on a table may run side by side; a batch must run alone. With an ordinary
//! reader-writer lock every single operation would write to one cache line. Here a reader enters
//! the slot of its CPU, and a writer closes all open slots and waits until they are empty.
//!
//! A slot stays closed until a reader wants it again. So a writer pays for the CPUs that have read
//! since the last writer, and not for those that stay away.
//!
//! Readers may be preempted, so a writer sleeps while it waits. Readers stay inside briefly and
//! never wait for userspace there.

use super::{
    cpu_slot::{current_cpu, Padded, CPU_SLOTS},
    slot::{Found, Slot},
};
use crate::{attempts::SLOT_POLLS, logic::bits::Ones};
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
/// All slots: those of CPUs, and after them those of keys.
const SLOTS: usize = CPU_SLOTS + KEYED_SLOTS;

/// The slots that are open: bit `n` stands for slot `n`.
struct Open(u64);

const _: () = assert!(SLOTS <= u64::BITS as usize);

/// Data that many may read at once, or one may write.
///
/// Readers are of two kinds: plain ones run side by side with all others; those with a key exclude
/// others with the same key. The slots also count the operations done inside, so that counting
/// costs no atomic instruction of its own.
///
/// # Invariants
///
/// - Only the holder of `writer` closes and opens slots. Whoever locks it finds there which are
///   open.
/// - A shared reference to `data` is used only by the holder of `writer`, or inside a slot that was
///   open on entering.
/// - A mutable reference to `data` exists only through a [`WriteGuard`], which holds `writer`, and
///   all slots are closed, and have been empty since.
#[pin_data]
pub(crate) struct BrLock<T> {
    #[pin]
    writer: Mutex<Open>,
    /// Operations that were counted outside the slots, less those taken back. Changed by the holder
    /// of `writer`.
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
    slots: [Padded<Slot>; SLOTS],
    /// The slots that have ever been open, as in [`Open`]. Changed by the holder of `writer`.
    used: Atomic<u64>,
    data: UnsafeCell<T>,
}

// SAFETY: the lock moves its data from one thread to another (`T: Send`) and lends it to several at
// a time (`T: Sync`); by the invariants these never meet a mutable reference.
unsafe impl<T: Send + Sync> Sync for BrLock<T> {}

impl<T> BrLock<T> {
    /// Initialises a lock that holds `data`.
    pub(crate) fn new(data: T) -> impl PinInit<Self> {
        // INVARIANT: all slots are new, thus closed.
        pin_init!(Self {
            writer <- new_mutex!(Open(0), "atomik::brlock::writer"),
            ops_outside: Atomic::new(0),
            ops_moved <- new_spinlock!(0, "atomik::brlock::ops_moved"),
            left <- new_condvar!("atomik::brlock::left"),
            leaving <- new_mutex!((), "atomik::brlock::leaving"),
            slots <- pin_init::init_array_from_fn(|_| Padded { value: Slot::new() }),
            used: Atomic::new(0),
            data: UnsafeCell::new(data),
        })
    }

    /// Calls `f` with the data, side by side with other readers, and counts `ops` operations, 1 or
    /// none, where it succeeds. May sleep first, while a writer is inside.
    ///
    /// `f` must not wait for userspace.
    #[inline]
    pub(crate) fn read<R>(&self, ops: u32, f: impl FnOnce(&T) -> Result<R>) -> Result<R> {
        // In bounds by the remainder.
        let slot = &self.slots[current_cpu() % CPU_SLOTS].value;
        if !slot.enter().is_open() {
            self.enter_slowly(slot);
        }
        // SAFETY: inside a slot that was open on entering.
        let result = f(unsafe { self.shared() });
        self.leave(slot, if result.is_ok() { ops } else { 0 });
        result
    }

    /// Enters a slot that the caller has entered and found closed or full.
    #[cold]
    #[inline(never)]
    fn enter_slowly(&self, slot: &Slot) {
        self.leave(slot, 0);
        let mut open = self.writer.lock();
        self.make_room(slot);
        let bit = self.bit(slot);
        if open.0 & bit != 0 {
            slot.enter();
        } else {
            self.open_and_enter(&mut open, slot, bit);
        }
    }

    /// Opens a closed slot, whose bit this is, and enters it.
    fn open_and_enter(&self, open: &mut Open, slot: &Slot, bit: u64) {
        // Relaxed: whoever knows of an operation in the slot sees this too, as it came before.
        self.used.store(self.used.load(Relaxed) | bit, Relaxed);
        // INVARIANT: `writer` is held, and tells that the slot is open.
        slot.open_and_enter();
        open.0 |= bit;
    }

    /// Moves operations out of a slot that is full. The caller holds `writer`.
    fn make_room(&self, slot: &Slot) {
        if slot.is_full() {
            let mut moved = self.ops_moved.lock();
            *moved = moved.wrapping_add(slot.take_ops());
        }
    }

    /// As [`Self::read`] with one operation, while no other call of this with the same key reads.
    /// (Some keys share a slot, and exclude each other too.)
    #[inline]
    pub(crate) fn read_keyed<R>(&self, key: u32, f: impl FnOnce(&T) -> Result<R>) -> Result<R> {
        // In bounds by the remainder.
        let slot = &self.slots[key as usize % KEYED_SLOTS + CPU_SLOTS].value;
        if !slot.enter().is_open_and_empty() {
            self.enter_keyed_slowly(slot);
        }
        // SAFETY: inside a slot that was open on entering.
        let result = f(unsafe { self.shared() });
        self.leave(slot, result.is_ok().into());
        result
    }

    /// Enters a slot alone, which the caller has entered and found closed, full or occupied.
    #[cold]
    #[inline(never)]
    fn enter_keyed_slowly(&self, slot: &Slot) {
        if self.poll(slot) {
            return;
        }
        let mut open = self.writer.lock();
        self.make_room(slot);
        let bit = self.bit(slot);
        if open.0 & bit != 0 {
            self.close(&mut open, bit);
        }
        // Alone: the slot is empty but for those who have found it closed.
        self.open_and_enter(&mut open, slot, bit);
    }

    /// Leaves a slot that was closed, full or occupied, and polls it until it can be entered alone.
    /// Returns whether the caller is inside.
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
    #[inline]
    pub(crate) fn write(&self) -> WriteGuard<'_, T> {
        let mut open = self.writer.lock();
        if open.0 != 0 {
            let all = open.0;
            self.close(&mut open, all);
        }
        // INVARIANT: all slots are closed, and each has been empty since.
        WriteGuard {
            lock: self,
            writer: open,
        }
    }

    /// Closes these slots, which are open, and waits until they are empty.
    #[inline(never)]
    fn close(&self, open: &mut Open, which: u64) {
        // INVARIANT: `writer` is held, and tells what is open.
        let mut occupied = which;
        for slot in self.those(which) {
            if slot.close() {
                occupied &= !self.bit(slot);
            }
        }
        open.0 &= !which;
        self.those(occupied).for_each(|slot| self.wait_for(slot));
    }

    /// Waits until a closed slot is empty.
    #[cold]
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

    /// The bit of a slot in [`Open`].
    fn bit(&self, slot: &Slot) -> u64 {
        let is_it = |other: &Padded<Slot>| core::ptr::eq(&other.value, slot);
        let number = self.slots.iter().position(is_it).unwrap_or(SLOTS);
        1u64.wrapping_shl(number as u32)
    }

    /// The slots of some bits.
    fn those(&self, bits: u64) -> impl Iterator<Item = &Slot> {
        Ones(bits).filter_map(|number| Some(&self.slots.get(number as usize)?.value))
    }

    /// Takes back the count of `n` operations. May sleep.
    pub(crate) fn uncount_ops(&self, n: u32) {
        let writer = self.writer.lock();
        self.change_ops(&writer, u64::from(n).wrapping_neg());
    }

    /// Adds to the operations that are counted outside the slots.
    #[inline]
    fn change_ops(&self, _writer: &Guard<'_, Open, MutexBackend>, change: u64) {
        // Relaxed: nobody else changes it meanwhile.
        let ops = self.ops_outside.load(Relaxed).wrapping_add(change);
        // Release: a sum that sees operations taken back sees them counted too, perhaps in a slot.
        self.ops_outside.store(ops, Release);
    }

    /// How many operations have been counted. Waits for no reader and no writer.
    pub(crate) fn ops(&self) -> u64 {
        let moved = self.ops_moved.lock();
        // Acquire, and before the slots: pairs with `change_ops`. Otherwise the sum might be below
        // zero.
        let mut sum = moved.wrapping_add(self.ops_outside.load(Acquire));
        for slot in self.those(self.used.load(Relaxed)) {
            sum = sum.wrapping_add(slot.ops());
        }
        sum
    }
}

/// The right to write the data.
pub(crate) struct WriteGuard<'a, T> {
    lock: &'a BrLock<T>,
    writer: Guard<'a, Open, MutexBackend>,
}

impl<T> WriteGuard<'_, T> {
    /// Counts `n` operations.
    pub(crate) fn count_ops(&mut self, n: u32) {
        self.lock.change_ops(&self.writer, n.into());
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
