// SPDX-License-Identifier: GPL-2.0

//! [`Contexts`], the contexts of one table.

use crate::{
    kernel_ext::{atomic_xor::atomic_xor, gfp},
    limit::Charge,
    logic::{
        context::{self, TableMut},
        index,
    },
    mapped::MappedStates,
    shared_states::SharedStates,
};
use core::ops::Range;
use kernel::{
    alloc::KVVec,
    prelude::*,
    sync::{
        atomic::{Atomic, Full, Relaxed},
        Arc,
    },
};

/// Memory of one context: its state and its reference.
const CONTEXT_BYTES: usize = 2 * size_of::<u64>();

/// The contexts of one table, with their memory charged to the module's limit.
///
/// A context is kept as its state and its reference; the accumulator is `state ^ reference`. So
/// READ is one load and ACCUM one atomic XOR. The states lie side by side, and so do the
/// references, which only LOAD and SWAP use.
///
/// Each change of a state is a full barrier, so that every CPU sees it when the system call has
/// returned, and not only after a store buffer has drained. Other accesses are Relaxed: an
/// operation on one context promises nothing about others, and the lock around the table orders
/// single operations against batches.
///
/// # Invariants
///
/// - There are as many states as references, at least 1, and `mask` is the [mask](index::mask())
///   of that number. The memory of both is at least as long as the mask allows.
/// - `charge` is that of the references and of states that aren't mapped.
pub(crate) struct Contexts {
    states: ContextStates,
    references: KVVec<Atomic<u64>>,
    mask: usize,
    charge: Charge,
}

enum ContextStates {
    Unmapped(KVVec<Atomic<u64>>),
    /// In pages that programs have mapped, now or before.
    Mapped(Arc<MappedStates>),
}

impl ContextStates {
    #[inline]
    fn as_slice(&self) -> &[Atomic<u64>] {
        match self {
            ContextStates::Unmapped(states) => states,
            ContextStates::Mapped(states) => states.states(),
        }
    }
}

/// The contexts of a table for one user alone; only programs that have mapped it may change its
/// states.
pub(crate) enum Exclusive<'a> {
    Unmapped(TableMut<'a, &'a mut [Atomic<u64>], Atomic<u64>>),
    Mapped(TableMut<'a, SharedStates<'a>, Atomic<u64>>),
}

impl Contexts {
    /// Makes `count` contexts with reference and accumulator 0, in memory that is charged to the
    /// caller's memory cgroup and to the module's limit. Fails with ENOMEM.
    pub(crate) fn new(count: u32) -> Result<Self> {
        let count = count as usize;
        let charge = Charge::new(count.checked_mul(CONTEXT_BYTES).ok_or(ENOMEM)?)?;
        // INVARIANT: `zeroes` makes as many words as it is told, in memory for the mask.
        Ok(Self {
            states: ContextStates::Unmapped(zeroes(count)?),
            references: zeroes(count)?,
            mask: index::mask(count),
            charge,
        })
    }

    /// How many contexts there are: at most `MAX_CONTEXTS`.
    pub(crate) fn count(&self) -> u32 {
        self.references.len() as u32
    }

    /// The addresses of `count` contexts from `addr` on. Fails with EINVAL where they are none, or
    /// go beyond the table.
    pub(crate) fn range(&self, addr: u32, count: u32) -> Result<Range<u32>> {
        match addr.checked_add(count) {
            Some(end) if count > 0 && end <= self.count() => Ok(addr..end),
            _ => Err(EINVAL),
        }
    }

    /// Bytes that the contexts use.
    pub(crate) fn bytes(&self) -> u64 {
        let mapped = match &self.states {
            ContextStates::Unmapped(_) => 0,
            ContextStates::Mapped(states) => states.bytes(),
        };
        self.charge.bytes().wrapping_add(mapped)
    }

    #[inline]
    fn state(&self, addr: u32) -> Result<&Atomic<u64>> {
        Ok(self.state_and_reference(addr)?.0)
    }

    #[inline]
    fn state_and_reference(&self, addr: u32) -> Result<(&Atomic<u64>, &Atomic<u64>)> {
        let number = index::checked(addr as usize, self.references.len(), self.mask);
        let number = number.ok_or(EINVAL)?;
        // SAFETY: it is below the number of references, thus of states.
        Ok(unsafe {
            let state = self.states.as_slice().get_unchecked(number);
            (state, self.references.get_unchecked(number))
        })
    }

    /// LOAD: starts an epoch from `value`. No other LOAD or SWAP of this context may run meanwhile.
    #[inline]
    pub(crate) fn load(&self, addr: u32, value: u64) -> Result {
        let (state, reference) = self.state_and_reference(addr)?;
        // An ACCUM between these two comes after the LOAD: it is in the state and not in the
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

    /// SWAP, provided that `write_state` hands the state to the caller. No other LOAD or SWAP of
    /// this context may run meanwhile.
    ///
    /// The state goes out first, and the swap is done only if the state is still that: so a caller
    /// whose memory can't be written has changed nothing.
    ///
    /// Fails as `write_state` does, and with EAGAIN where the state has changed in between.
    #[inline]
    pub(crate) fn swap(
        &self,
        addr: u32,
        new_reference: u64,
        write_state: impl FnOnce(u64) -> Result,
    ) -> Result {
        let (word, reference) = self.state_and_reference(addr)?;
        let state = word.load(Relaxed);
        write_state(state)?;
        let epoch_start = context::epoch_start(state, new_reference);
        // This comparison is the moment of the swap. An ACCUM between it and the store of the
        // reference belongs to the new epoch, as in `load`.
        let swapped = if epoch_start == state {
            word.load(Relaxed) == state
        } else {
            word.cmpxchg(state, epoch_start, Full).is_ok()
        };
        if !swapped {
            return Err(EAGAIN);
        }
        reference.store(epoch_start, Relaxed);
        Ok(())
    }

    /// All contexts, for a user who has the table alone.
    #[inline]
    pub(crate) fn exclusive(&mut self) -> Exclusive<'_> {
        match &mut self.states {
            ContextStates::Unmapped(states) => {
                Exclusive::Unmapped(TableMut::masked(states, &mut self.references, self.mask))
            }
            ContextStates::Mapped(states) => Exclusive::Mapped(TableMut::masked(
                SharedStates::new(states.states(), states.sequence()),
                &mut self.references,
                self.mask,
            )),
        }
    }

    /// The states, if they are in pages that can be mapped.
    pub(crate) fn mapped(&self) -> Option<Arc<MappedStates>> {
        match &self.states {
            ContextStates::Unmapped(_) => None,
            ContextStates::Mapped(states) => Some(states.clone()),
        }
    }

    /// The states, to be mapped. They are moved to `new`, unless they can be mapped already.
    ///
    /// Fails with EAGAIN where `new` is for another number of contexts.
    pub(crate) fn map(&mut self, new: Arc<MappedStates>) -> Result<Arc<MappedStates>> {
        if new.states().len() != self.references.len() {
            return Err(EAGAIN);
        }
        if let Some(states) = self.mapped() {
            return Ok(states);
        }
        for (state, to) in self.states.as_slice().iter().zip(new.states()) {
            // Relaxed: nobody else uses either, and the table's lock orders this for later users.
            to.store(state.load(Relaxed), Relaxed);
        }
        // INVARIANT: the references are left, which are half of what was charged.
        self.states = ContextStates::Mapped(new.clone());
        self.charge.halve();
        Ok(new)
    }
}

impl context::Word for Atomic<u64> {
    #[inline]
    fn word(&mut self) -> &mut u64 {
        self.get_mut()
    }
}

/// Makes `count` words of zero, in memory that is as long as their mask allows, and zero to its
/// end. Fails with ENOMEM.
pub(crate) fn zeroes(count: usize) -> Result<KVVec<Atomic<u64>>> {
    let all = index::mask(count).checked_add(1).ok_or(ENOMEM)?;
    let mut words = KVVec::with_capacity(all, gfp::charged())?;
    for _ in 0..all {
        words
            .push_within_capacity(Atomic::new(0))
            .map_err(|_| ENOMEM)?;
    }
    words.truncate(count);
    Ok(words)
}
