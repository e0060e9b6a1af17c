// SPDX-License-Identifier: GPL-2.0

//! [`Watch`], the side of a watch that operations on its table see.

use crate::{kernel_ext::poll_queue::PollQueue, marks::Marks};
use core::ops::Range;
use kernel::{
    new_poll_condvar, new_spinlock,
    prelude::*,
    sync::{
        atomic::{Acquire, Atomic, Full, Relaxed, Release},
        SpinLock,
    },
};

/// A watch on some contexts of a table: which of them may have changed, and who waits for that.
///
/// Marks are set inside the table's lock, and taken by who has the table alone. Only `ready` and
/// `gone` are looked at without the lock.
///
/// # Invariants
///
/// `ready` is 1 where there are marks, other than while somebody sets them.
#[pin_data]
pub(crate) struct Watch {
    first: u32,
    count: u32,
    marks: Marks,
    /// 1 while there is something to tell.
    ready: Atomic<u64>,
    /// 1 once the table is gone.
    gone: Atomic<u64>,
    /// Held by who looks at the two before going to sleep.
    #[pin]
    waiting: SpinLock<()>,
    #[pin]
    queue: PollQueue,
}

impl Watch {
    /// A watch on `count` contexts, at least 1, from the address `first` on, with everything to
    /// tell. Fails with ENOMEM.
    pub(crate) fn new(first: u32, count: u32) -> impl PinInit<Self, Error> {
        // INVARIANT: there are marks, and `ready` is 1.
        try_pin_init!(Self {
            marks: Marks::all(count)?,
            first,
            count,
            ready: Atomic::new(1),
            gone: Atomic::new(0),
            waiting <- new_spinlock!((), "atomik::watch::waiting"),
            // SAFETY: only the file of the watch registers it, and holds it until its release.
            queue <- unsafe { PollQueue::new(new_poll_condvar!("atomik::watch::queue")) },
        })
    }

    /// The addresses of its contexts.
    pub(crate) fn range(&self) -> Range<u32> {
        self.first..self.first.wrapping_add(self.count)
    }

    /// Bytes that are charged.
    pub(crate) fn bytes(&self) -> u64 {
        self.marks.bytes()
    }

    /// Those who wait, for `poll`.
    pub(crate) fn queue(&self) -> &PollQueue {
        &self.queue
    }

    /// Notes that the context at `addr` may have changed, if it is watched. The caller is inside
    /// the table's lock.
    pub(crate) fn changed(&self, addr: u32) {
        // An address before the first becomes one far beyond the last.
        let number = addr.wrapping_sub(self.first);
        if number < self.count {
            self.marks.set(number);
            self.wake();
        }
    }

    /// Does the same for a range of addresses.
    pub(crate) fn changed_range(&self, range: Range<u32>) {
        let own = self.range();
        let (start, end) = (range.start.max(own.start), range.end.min(own.end));
        if start < end {
            let first = self.first;
            self.marks
                .set_range(start.wrapping_sub(first)..end.wrapping_sub(first));
            self.wake();
        }
    }

    /// Wakes those who wait, unless it has been done since the marks were last taken.
    ///
    /// Full: who registers to wait does so before it looks at `ready`. Either it sees 1, or this
    /// sees it waiting. Where `ready` is 1 already, somebody else has set it since the marks were
    /// taken, and wakes them.
    fn wake(&self) {
        if self.ready.load(Relaxed) == 0 && self.ready.xchg(1, Full) == 0 {
            self.notify();
        }
    }

    #[cold]
    fn notify(&self) {
        // Held by one who has looked and doesn't sleep yet.
        drop(self.waiting.lock());
        self.queue.notify_all();
    }

    /// Notes that the table is gone. The caller has it alone.
    pub(crate) fn hang_up(&self) {
        // Full: pairs with the Acquire of `is_gone`, and with those who wait, as in `wake`.
        self.gone.xchg(1, Full);
        self.notify();
    }

    /// Whether there is something to tell. Where another reader has told the rest of a table that is
    /// gone, that it is gone is seen after this.
    pub(crate) fn is_ready(&self) -> bool {
        // Acquire: pairs with the Release of `take`.
        self.ready.load(Acquire) != 0
    }

    /// Whether the table is gone. What was to be told before that is seen after this.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Acquire) != 0
    }

    /// Waits until there is something to tell, or the table is gone. Fails with ERESTARTSYS where a
    /// signal comes first.
    pub(crate) fn wait(&self) -> Result {
        let mut waiting = self.waiting.lock();
        while !self.is_ready() && !self.is_gone() {
            if self.queue.wait_interruptible(&mut waiting) {
                return Err(ERESTARTSYS);
            }
        }
        Ok(())
    }

    /// How many contexts there are to tell of.
    pub(crate) fn count(&self) -> usize {
        self.marks.count()
    }

    /// Takes up to `most` of the contexts to tell of, lowest address first, and calls `f` with their
    /// addresses. The caller has the table alone, or what is left of it.
    pub(crate) fn take(&self, most: usize, mut f: impl FnMut(u32)) {
        let first = self.first;
        // INVARIANT: `ready` is 0 only where no marks are left.
        if !self
            .marks
            .take(most, |number| f(first.wrapping_add(number)))
        {
            // The lock orders this for all who set it again; who reads an old 1 finds nothing.
            // Release: who reads 0 sees what the caller has seen, such as the end of the table.
            self.ready.store(0, Release);
        }
    }
}
