// SPDX-License-Identifier: GPL-2.0

//! Atomics.

use crate::{
    held,
    planted::{self, Bug},
};
use core::cell::{Cell, RefCell, UnsafeCell};
use loom::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

/// An ordering, which is a type in the kernel.
pub trait AnyOrdering {
    const ORDERING: Ordering;

    fn ordering() -> Ordering {
        match Self::ORDERING {
            Ordering::Acquire if planted::is(Bug::AcquireIsRelaxed) => Ordering::Relaxed,
            Ordering::Release if planted::is(Bug::ReleaseIsRelaxed) => Ordering::Relaxed,
            Ordering::SeqCst if full_is_relaxed() => Ordering::Relaxed,
            ordering => ordering,
        }
    }
}

fn full_is_relaxed() -> bool {
    planted::is(Bug::FullIsRelaxed) || planted::is(Bug::NoWriteBarrier)
}

/// Orders this thread's stores before it before those after it.
#[track_caller]
pub(crate) fn write_barrier() {
    if !planted::is(Bug::NoWriteBarrier) && !std::thread::panicking() {
        loom::sync::atomic::fence(Ordering::Release);
    }
}

macro_rules! orderings {
    ($($name:ident => $ordering:ident),+) => {$(
        pub struct $name;

        impl AnyOrdering for $name {
            const ORDERING: Ordering = Ordering::$ordering;
        }
    )+};
}

orderings!(Relaxed => Relaxed, Acquire => Acquire, Release => Release, Full => SeqCst);

/// A type that an atomic can hold.
pub trait AtomicType: Copy {
    fn to_bits(self) -> u64;
    fn from_bits(bits: u64) -> Self;
}

impl AtomicType for u64 {
    fn to_bits(self) -> u64 {
        self
    }

    fn from_bits(bits: u64) -> Self {
        bits
    }
}

impl AtomicType for bool {
    fn to_bits(self) -> u64 {
        self.into()
    }

    fn from_bits(bits: u64) -> Self {
        bits != 0
    }
}

/// As in the kernel.
pub struct Atomic<T: AtomicType> {
    shared: UnsafeCell<AtomicU64>,
    /// The value that [`Self::get_mut`] refers to.
    plain: Cell<T>,
}

// SAFETY: `shared` is used through shared references or, where loom finds it unshared, exclusively.
// `plain` is used by `get_mut`, which has the atomic alone, and by `write_back`, which ends that
// use.
unsafe impl<T: AtomicType + Send> Sync for Atomic<T> {}

impl<T: AtomicType + 'static> Atomic<T> {
    #[track_caller]
    pub fn new(value: T) -> Self {
        Self {
            shared: UnsafeCell::new(AtomicU64::new(value.to_bits())),
            plain: Cell::new(value),
        }
    }

    /// Loom's atomic, ready to be used.
    fn shared(&self) -> &AtomicU64 {
        write_back();
        // SAFETY: `get_mut` and `write_back` don't keep their exclusive references to it.
        unsafe { &*self.shared.get() }
    }

    #[track_caller]
    pub fn load<O: AnyOrdering>(&self, _: O) -> T {
        T::from_bits(self.shared().load(O::ordering()))
    }

    #[track_caller]
    pub fn store<O: AnyOrdering>(&self, value: T, _: O) {
        if std::thread::panicking() {
            // The case has failed: see `lock::Guard`.
            return;
        }
        self.shared().store(value.to_bits(), O::ordering());
    }

    #[track_caller]
    pub fn xchg<O: AnyOrdering>(&self, value: T, _: O) -> T {
        if O::ORDERING == Ordering::Relaxed && planted::is(Bug::MarksGoLate) {
            let this = core::ptr::from_ref(self).cast();
            LATE.with(|late| late.borrow_mut().push((this, Late::Store(value.to_bits()))));
            return self.load(Relaxed);
        }
        T::from_bits(self.shared().swap(value.to_bits(), O::ordering()))
    }

    #[track_caller]
    pub fn cmpxchg<O: AnyOrdering>(&self, old: T, new: T, order: O) -> Result<T, T> {
        if planted::is(Bug::CmpxchgComparesNothing) {
            return Ok(self.xchg(new, order));
        }
        if planted::is(Bug::CmpxchgLoses) && !held::a_mutex() {
            return Err(self.load(Relaxed));
        }
        self.sound_cmpxchg(old, new, order)
    }

    /// The same without planted bugs.
    #[track_caller]
    pub(crate) fn sound_cmpxchg<O: AnyOrdering>(&self, old: T, new: T, _: O) -> Result<T, T> {
        // As in the kernel, a comparison that fails orders nothing.
        self.shared()
            .compare_exchange(
                old.to_bits(),
                new.to_bits(),
                O::ordering(),
                Ordering::Relaxed,
            )
            .map(T::from_bits)
            .map_err(T::from_bits)
    }

    /// As in the kernel. loom has no references into its atomics: it learns of writes through this
    /// one when the thread next uses a lock or an atomic, before which nobody can tell the
    /// difference. Both times loom checks that nobody else uses the atomic.
    #[track_caller]
    pub fn get_mut(&mut self) -> &mut T {
        let this: *const dyn WriteBack = core::ptr::from_ref(self);
        let new = PENDING.with(|pending| {
            let mut pending = pending.borrow_mut();
            let new = !pending.iter().any(|other| other.addr() == this.addr());
            if new {
                pending.push(this);
            }
            new
        });
        if new {
            // SAFETY: nobody else uses it, as `self` is exclusive; loom checks that.
            let value = unsafe { self.shared.get_mut().unsync_load() };
            self.plain.set(T::from_bits(value));
        }
        self.plain.get_mut()
    }

    /// The address for [`crate::bindings`].
    pub fn as_ptr(&self) -> *mut T {
        core::ptr::from_ref(self).cast_mut().cast()
    }
}

// The changes of a slot's word in the driver when a writer closes it and when a reader enters.
const CLOSED: u64 = 1 << 63;
const READER: u64 = 1;

impl Atomic<u64> {
    #[track_caller]
    pub fn fetch_add<O: AnyOrdering>(&self, value: u64, _: O) -> u64 {
        let old = self.shared().fetch_add(value, O::ordering());
        match value {
            CLOSED if planted::is(Bug::WritersSeeNobody) => 0,
            READER if planted::is(Bug::ReadersSeeNoWriter) => old & !CLOSED,
            READER if planted::is(Bug::ReadersSeeNobody) => old & CLOSED,
            _ => old,
        }
    }

    #[track_caller]
    pub fn fetch_sub<O: AnyOrdering>(&self, value: u64, _: O) -> u64 {
        if std::thread::panicking() {
            // The case has failed: see `lock::Guard`.
            return 0;
        }
        self.shared().fetch_sub(value, O::ordering())
    }

    /// OR, for [`crate::bindings`].
    pub(crate) fn or(&self, bits: u64) {
        if planted::is(Bug::MarksComeLate) {
            let this = core::ptr::from_ref(self);
            return LATE.with(|late| late.borrow_mut().push((this, Late::Or(bits))));
        }
        self.shared().fetch_or(bits, Ordering::Relaxed);
    }

    /// XOR, for [`crate::bindings`].
    pub(crate) fn xor(&self, delta: u64) {
        if planted::is(Bug::XorInTwoSteps) {
            let value = self.shared().load(Ordering::SeqCst);
            self.shared().store(value ^ delta, Ordering::SeqCst);
        } else {
            self.shared().fetch_xor(delta, Full::ordering());
        }
    }
}

impl<T: AtomicType> Drop for Atomic<T> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let this = core::ptr::from_ref(self).addr();
            PENDING.with(|pending| pending.borrow_mut().retain(|other| other.addr() != this));
        }
    }
}

/// An atomic that may have been written to through `get_mut`.
trait WriteBack {
    /// Tells loom of it.
    ///
    /// # Safety
    ///
    /// Nobody else uses the atomic.
    unsafe fn write_back(&self);
}

impl<T: AtomicType> WriteBack for Atomic<T> {
    unsafe fn write_back(&self) {
        // SAFETY: by the contract, which loom checks.
        unsafe { (*self.shared.get()).with_mut(|shared| *shared = self.plain.get().to_bits()) };
    }
}

loom::thread_local! {
    /// The atomics to which this thread may have written through `get_mut`.
    static PENDING: RefCell<Vec<*const dyn WriteBack>> = RefCell::new(Vec::new());
}

/// Tells loom of this thread's writes through `get_mut`.
#[track_caller]
pub(crate) fn write_back() {
    for atomic in PENDING.with(|pending| pending.take()) {
        // SAFETY: an atomic leaves the list when it's dropped, and the driver's atomics are not
        // moved once they are in their table. loom checks that nobody else uses this one.
        unsafe { (*atomic).write_back() };
    }
}

/// A change that a planted bug has put off.
enum Late {
    Or(u64),
    Store(u64),
}

loom::thread_local! {
    static LATE: RefCell<Vec<(*const Atomic<u64>, Late)>> = RefCell::new(Vec::new());
}

/// Does what a planted bug has put off. Called at the end of each command.
pub fn catch_up() {
    for (atomic, late) in LATE.with(|late| late.take()) {
        // SAFETY: the atomics that this happens to live as long as their watch, which cases keep.
        let shared = unsafe { &*atomic }.shared();
        match late {
            Late::Or(bits) => {
                shared.fetch_or(bits, Ordering::Relaxed);
            }
            Late::Store(bits) => shared.store(bits, Ordering::Relaxed),
        }
    }
}
