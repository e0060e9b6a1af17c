// SPDX-License-Identifier: GPL-2.0

//! [`Contexts`], the contexts of one table.

use crate::{
    gfp,
    limit::Charge,
    logic::context,
    xor::atomic_xor,
};
use kernel::{
    alloc::KVVec,
    prelude::*,
    sync::atomic::{Atomic, Full, Relaxed},
};

/// Memory that one context takes: two words.
const CONTEXT_BYTES: usize = 2 * size_of::<u64>();

/// The contexts of one table, and their place in the module's accounts.
///
/// A context is kept as its state and its reference; the accumulator is `state ^ reference`. So READ
/// is one load and ACCUM one atomic XOR. The states lie side by side, the references elsewhere:
/// LOAD and SWAP alone use those.
///
/// What changes a state is a full barrier: when the system call has returned, every CPU sees the
/// change, and not only once a store buffer has drained. Other accesses are Relaxed: an operation on
/// one context promises nothing about others, and the lock around the table orders single operations
/// against batches.
pub(crate) struct Contexts {
    states: KVVec<Atomic<u64>>,
    references: KVVec<Atomic<u64>>,
    charge: Charge,
}

impl Contexts {
    /// Makes `count` contexts with reference and accumulator 0, in memory that is charged to the
    /// caller's memory cgroup and to the module's limit. Fails with ENOMEM.
    pub(crate) fn new(count: u32) -> Result<Self> {
        let count = count as usize;
        let charge = Charge::new(count.checked_mul(CONTEXT_BYTES).ok_or(ENOMEM)?)?;
        Ok(Self {
            states: zeroes(count)?,
            references: zeroes(count)?,
            charge,
        })
    }

    /// How many contexts there are: at most `MAX_CONTEXTS`.
    pub(crate) fn count(&self) -> u32 {
        self.states.len() as u32
    }

    /// Bytes that the contexts use.
    pub(crate) fn bytes(&self) -> u64 {
        self.charge.bytes()
    }

    #[inline]
    fn state(&self, addr: u32) -> Result<&Atomic<u64>> {
        self.states.get(addr as usize).ok_or(EINVAL)
    }

    #[inline]
    fn reference(&self, addr: u32) -> Result<&Atomic<u64>> {
        self.references.get(addr as usize).ok_or(EINVAL)
    }

    /// LOAD: starts an epoch from `value`. Nobody else may do LOAD or SWAP on this context meanwhile.
    #[inline]
    pub(crate) fn load(&self, addr: u32, value: u64) -> Result {
        let (state, reference) = (self.state(addr)?, self.reference(addr)?);
        // An ACCUM between the two counts as coming after: it is in the state and not in the
        // reference, thus in the accumulator.
        state.xchg(value, Full);
        reference.store(value, Relaxed);
        Ok(())
    }

    /// ACCUM: XORs `delta` into the accumulator.
    #[inline]
    pub(crate) fn accum(&self, addr: u32, delta: u64) -> Result {
        atomic_xor(self.state(addr)?, delta);
        Ok(())
    }

    /// READ: the state.
    #[inline]
    pub(crate) fn read(&self, addr: u32) -> Result<u64> {
        Ok(self.state(addr)?.load(Relaxed))
    }

    /// SWAP, provided that the state is `expected`: the caller has told it to userspace already.
    /// Nobody else may do LOAD or SWAP on this context meanwhile.
    ///
    /// Fails with EAGAIN where it isn't any more.
    #[inline]
    pub(crate) fn swap_if(&self, addr: u32, expected: u64, new_reference: u64) -> Result {
        let (state, reference) = (self.state(addr)?, self.reference(addr)?);
        let epoch_start = context::epoch_start(expected, new_reference);
        // The swap takes place at this comparison. An ACCUM between it and the store of the
        // reference belongs to the new epoch, as in `load`.
        let swapped = if epoch_start == expected {
            state.load(Relaxed) == expected
        } else {
            state.cmpxchg(expected, epoch_start, Full).is_ok()
        };
        if !swapped {
            return Err(EAGAIN);
        }
        reference.store(epoch_start, Relaxed);
        Ok(())
    }

    /// SWAP in a table that nobody else uses meanwhile, provided that `tell` gets the state across to
    /// the caller.
    pub(crate) fn swap_exclusive(
        &mut self,
        addr: u32,
        new_reference: u64,
        tell: impl FnOnce(&u64) -> Result,
    ) -> Result {
        let mut contexts = self.exclusive();
        let state = contexts.read(addr).ok_or(EINVAL)?;
        tell(&state)?;
        contexts.load(addr, context::epoch_start(state, new_reference));
        Ok(())
    }

    /// All contexts, for a batch, which has the table for itself.
    #[inline]
    pub(crate) fn exclusive(&mut self) -> context::Table<'_, Atomic<u64>, Atomic<u64>> {
        context::Table::new(&mut self.states, &mut self.references)
    }
}

impl context::Word for Atomic<u64> {
    #[inline]
    fn word(&mut self) -> &mut u64 {
        self.get_mut()
    }
}

/// Words that are zero. Fails with ENOMEM.
fn zeroes(count: usize) -> Result<KVVec<Atomic<u64>>> {
    let mut words = KVVec::with_capacity(count, gfp::charged())?;
    for _ in 0..count {
        words
            .push_within_capacity(Atomic::new(0))
            .map_err(|_| ENOMEM)?;
    }
    Ok(words)
}
