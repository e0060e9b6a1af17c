// SPDX-License-Identifier: GPL-2.0

//! [`Contexts`], the contexts of one table.

use crate::{
    cpu_slot::Padded,
    gfp,
    limit::Charge,
    logic::context::{self, Words},
    xor::atomic_xor,
};
use kernel::{
    alloc::KVVec,
    new_spinlock,
    prelude::*,
    sync::{
        atomic::{Atomic, Full, Relaxed},
        SpinLock,
    },
};

/// One context, kept as its state and its reference; the accumulator is `state ^ reference`.
///
/// So READ is one load and ACCUM one atomic XOR. What changes a state is a full barrier: when the
/// system call has returned, every CPU sees the change, and not only once a store buffer has drained.
/// Other accesses are Relaxed: an operation on one context promises nothing about others, and the
/// lock around the table orders single operations against batches.
struct Context {
    state: Atomic<u64>,
    reference: Atomic<u64>,
}

impl Words for Context {
    fn words(&mut self) -> (&mut u64, &mut u64) {
        (self.state.get_mut(), self.reference.get_mut())
    }
}

/// Memory that one context takes.
const CONTEXT_BYTES: usize = size_of::<Context>();

/// Locks in an [`EpochLocks`].
const EPOCH_LOCKS: usize = 8;

/// Locks that order LOAD and SWAP on the same context; neighbouring contexts have different ones.
///
/// These two write both words of a context, so that two of them at once could leave the state of
/// one with the reference of the other. ACCUM and READ need none.
#[pin_data]
pub(crate) struct EpochLocks {
    #[pin]
    locks: [Padded<SpinLock<()>>; EPOCH_LOCKS],
}

impl EpochLocks {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            locks <- pin_init::pin_init_array_from_fn(|_| {
                pin_init!(Padded {
                    value <- new_spinlock!((), "atomik::table::epoch"),
                })
            }),
        })
    }

    /// The lock of the context at `addr`.
    fn of(&self, addr: u32) -> Option<&SpinLock<()>> {
        self.locks
            .get(addr as usize % EPOCH_LOCKS)
            .map(|padded| &padded.value)
    }
}

/// The contexts of one table, and their place in the module's accounts.
pub(crate) struct Contexts {
    contexts: KVVec<Context>,
    charge: Charge,
}

impl Contexts {
    /// Makes `count` contexts with reference and accumulator 0, in memory that is charged to the
    /// caller's memory cgroup and to the module's limit. Fails with ENOMEM.
    pub(crate) fn new(count: u32) -> Result<Self> {
        let count = count as usize;
        let charge = Charge::new(count.checked_mul(CONTEXT_BYTES).ok_or(ENOMEM)?)?;
        let mut contexts = KVVec::with_capacity(count, gfp::charged())?;
        for _ in 0..count {
            contexts
                .push_within_capacity(Context {
                    state: Atomic::new(0),
                    reference: Atomic::new(0),
                })
                .map_err(|_| ENOMEM)?;
        }
        Ok(Self { contexts, charge })
    }

    /// How many contexts there are: at most `MAX_CONTEXTS`.
    pub(crate) fn count(&self) -> u32 {
        self.contexts.len() as u32
    }

    /// Bytes that the contexts use.
    pub(crate) fn bytes(&self) -> u64 {
        self.charge.bytes()
    }

    fn at(&self, addr: u32) -> Result<&Context> {
        self.contexts.get(addr as usize).ok_or(EINVAL)
    }

    /// LOAD: starts an epoch from `value`.
    pub(crate) fn load(&self, epochs: &EpochLocks, addr: u32, value: u64) -> Result {
        let context = self.at(addr)?;
        let _epoch = epochs.of(addr).map(|lock| lock.lock());
        // An ACCUM between the two counts as coming after: it is in the state and not in the
        // reference, thus in the accumulator.
        context.state.xchg(value, Full);
        context.reference.store(value, Relaxed);
        Ok(())
    }

    /// ACCUM: XORs `delta` into the accumulator.
    pub(crate) fn accum(&self, addr: u32, delta: u64) -> Result {
        atomic_xor(&self.at(addr)?.state, delta);
        Ok(())
    }

    /// READ: the state.
    pub(crate) fn read(&self, addr: u32) -> Result<u64> {
        Ok(self.at(addr)?.state.load(Relaxed))
    }

    /// SWAP, provided that the state is `expected`: the caller has told it to userspace already.
    ///
    /// Returns whether it was, and thus whether the swap took place.
    pub(crate) fn swap_if(
        &self,
        epochs: &EpochLocks,
        addr: u32,
        expected: u64,
        new_reference: u64,
    ) -> Result<bool> {
        let context = self.at(addr)?;
        let _epoch = epochs.of(addr).map(|lock| lock.lock());
        let epoch_start = context::epoch_start(expected, new_reference);
        // The swap takes place at this comparison. An ACCUM between it and the store of the
        // reference belongs to the new epoch, as in `load`.
        let swapped = if epoch_start == expected {
            context.state.load(Relaxed) == expected
        } else {
            context.state.cmpxchg(expected, epoch_start, Full).is_ok()
        };
        if swapped {
            context.reference.store(epoch_start, Relaxed);
        }
        Ok(swapped)
    }

    /// SWAP in a table that nobody else uses meanwhile, provided that `tell` gets the state across to
    /// the caller.
    pub(crate) fn swap_exclusive(
        &mut self,
        addr: u32,
        new_reference: u64,
        tell: impl FnOnce(&u64) -> Result,
    ) -> Result {
        let context = self.contexts.get_mut(addr as usize).ok_or(EINVAL)?;
        let state = context::read(context);
        tell(&state)?;
        context::load(context, context::epoch_start(state, new_reference));
        Ok(())
    }

    /// `count` contexts from `addr`, for an image, which has the table for itself. Fails with EINVAL
    /// where some are beyond the table.
    pub(crate) fn range(&mut self, addr: u32, count: u32) -> Result<&mut [impl Words]> {
        let (start, end) = (
            addr as usize,
            addr.checked_add(count).ok_or(EINVAL)? as usize,
        );
        self.contexts.get_mut(start..end).ok_or(EINVAL)
    }

    /// All contexts, for a batch, which has the table for itself.
    pub(crate) fn exclusive(&mut self) -> &mut [impl Words] {
        &mut self.contexts
    }
}
