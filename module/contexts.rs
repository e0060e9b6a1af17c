// SPDX-License-Identifier: GPL-2.0

//! [`Contexts`], the contexts of one table.

use crate::{
    gfp,
    limit::Charge,
    logic::{
        context::{self, Table},
        index,
    },
    mapped::{MappedStates, Shared},
    xor::atomic_xor,
};
use kernel::{
    alloc::KVVec,
    prelude::*,
    sync::{
        atomic::{Atomic, Full, Relaxed},
        Arc,
    },
};

const STATE_BYTES: usize = size_of::<u64>();
/// Memory that one context takes: two words.
const CONTEXT_BYTES: usize = 2 * STATE_BYTES;

/// The contexts of one table, and their place in the module's accounts.
///
/// A context is kept as its state and its reference; the accumulator is `state ^ reference`. So
/// READ is one load and ACCUM one atomic XOR. The states lie side by side, the references
/// elsewhere: LOAD and SWAP alone use those.
///
/// What changes a state is a full barrier: when the system call has returned, every CPU sees the
/// change, and not only once a store buffer has drained. Other accesses are Relaxed: an operation
/// on one context promises nothing about others, and the lock around the table orders single
/// operations against batches.
pub(crate) struct Contexts {
    states: ContextStates,
    references: KVVec<Atomic<u64>>,
    /// What an address is masked with after its check: see [`index`].
    mask: usize,
    charge: Charge,
}

enum ContextStates {
    Unmapped(KVVec<Atomic<u64>>),
    /// Programs have mapped them, or had.
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

/// The contexts of a table that nobody else uses, but for programs that have mapped it.
pub(crate) enum Exclusive<'a> {
    Unmapped(Table<'a, &'a mut [Atomic<u64>], Atomic<u64>>),
    Mapped(Table<'a, Shared<'a>, Atomic<u64>>),
}

impl Contexts {
    /// Makes `count` contexts with reference and accumulator 0, in memory that is charged to the
    /// caller's memory cgroup and to the module's limit. Fails with ENOMEM.
    pub(crate) fn new(count: u32) -> Result<Self> {
        let count = count as usize;
        let charge = Charge::new(count.checked_mul(CONTEXT_BYTES).ok_or(ENOMEM)?)?;
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

    /// Bytes that the contexts use.
    pub(crate) fn bytes(&self) -> u64 {
        let elsewhere = match &self.states {
            ContextStates::Unmapped(_) => 0,
            ContextStates::Mapped(states) => states.bytes(),
        };
        self.charge.bytes().wrapping_add(elsewhere)
    }

    #[inline]
    fn state(&self, addr: u32) -> Result<&Atomic<u64>> {
        self.word(self.states.as_slice(), addr)
    }

    #[inline]
    fn reference(&self, addr: u32) -> Result<&Atomic<u64>> {
        self.word(&self.references, addr)
    }

    #[inline]
    fn word<'a>(&self, words: &'a [Atomic<u64>], addr: u32) -> Result<&'a Atomic<u64>> {
        index::checked(addr as usize, words.len(), self.mask)
            .and_then(|number| words.get(number))
            .ok_or(EINVAL)
    }

    /// LOAD: starts an epoch from `value`. Nobody else may do LOAD or SWAP on this context
    /// meanwhile.
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

    /// SWAP in a table that nobody else uses meanwhile but programs that have mapped it, provided
    /// that `tell` gets the state across to the caller. Fails with EAGAIN where such a program came
    /// between.
    pub(crate) fn swap_exclusive(
        &mut self,
        addr: u32,
        new_reference: u64,
        tell: impl FnOnce(&u64) -> Result,
    ) -> Result {
        let state = self.read(addr)?;
        tell(&state)?;
        match self.exclusive() {
            Exclusive::Unmapped(mut table) => {
                table.load(addr, context::epoch_start(state, new_reference));
                Ok(())
            }
            Exclusive::Mapped(_) => self.swap_if(addr, state, new_reference),
        }
    }

    /// All contexts, for a batch, which has the table for itself.
    #[inline]
    pub(crate) fn exclusive(&mut self) -> Exclusive<'_> {
        match &mut self.states {
            ContextStates::Unmapped(states) => {
                Exclusive::Unmapped(Table::new(states, &mut self.references))
            }
            ContextStates::Mapped(states) => Exclusive::Mapped(Table::with_states(
                Shared(states.states()),
                &mut self.references,
            )),
        }
    }

    /// The states, if they can be mapped already.
    pub(crate) fn mapped(&self) -> Option<Arc<MappedStates>> {
        match &self.states {
            ContextStates::Unmapped(_) => None,
            ContextStates::Mapped(states) => Some(states.clone()),
        }
    }

    /// The states, to be mapped. They are moved to `room`, unless they can be mapped already.
    ///
    /// Fails with ENOMEM, and with EAGAIN where the room was made for another number of contexts.
    pub(crate) fn map(&mut self, room: Arc<MappedStates>) -> Result<Arc<MappedStates>> {
        if room.states().len() != self.references.len() {
            return Err(EAGAIN);
        }
        if let Some(states) = self.mapped() {
            return Ok(states);
        }
        // What remains here is half of what was.
        let charge = Charge::new(
            self.references
                .len()
                .checked_mul(STATE_BYTES)
                .ok_or(ENOMEM)?,
        )?;
        for (state, to) in self.states.as_slice().iter().zip(room.states()) {
            // Relaxed: nobody else uses either, and the table's lock orders it for those who will.
            to.store(state.load(Relaxed), Relaxed);
        }
        self.states = ContextStates::Mapped(room.clone());
        self.charge = charge;
        Ok(room)
    }
}

impl context::Word for Atomic<u64> {
    #[inline]
    fn word(&mut self) -> &mut u64 {
        self.get_mut()
    }
}

/// Words that are zero, as are those after them that the mask lets through, in the same memory.
/// Fails with ENOMEM.
fn zeroes(count: usize) -> Result<KVVec<Atomic<u64>>> {
    let room = index::mask(count).checked_add(1).ok_or(ENOMEM)?;
    let mut words = KVVec::with_capacity(room, gfp::charged())?;
    for _ in 0..room {
        words
            .push_within_capacity(Atomic::new(0))
            .map_err(|_| ENOMEM)?;
    }
    words.truncate(count);
    Ok(words)
}
