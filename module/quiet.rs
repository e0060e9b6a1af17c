// SPDX-License-Identifier: GPL-2.0

//! [`Quiet`], by which an operation sees that nobody has to be told of it.

use crate::{
    kernel_ext::gfp,
    limit::Charge,
    logic::{batch, index},
    uapi::BatchOp,
};
use kernel::{
    alloc::KVVec,
    prelude::*,
    sync::atomic::{Acquire, Atomic, Relaxed, Release},
};

/// A flag for each context of a table: set where every watch that has the context has marked it
/// already. No flags where nobody watches the table.
///
/// # Invariants
///
/// There are no flags, or as many as a power of two that is no less than the number of contexts.
pub(crate) struct Quiet {
    flags: KVVec<Atomic<bool>>,
    charge: Option<Charge>,
}

impl Quiet {
    /// No flags.
    pub(crate) fn none() -> Self {
        Self {
            flags: KVVec::new(),
            charge: None,
        }
    }

    /// Flags for so many contexts, all of them set. Fails with ENOMEM.
    pub(crate) fn new(contexts: u32) -> Result<Self> {
        let count = index::mask(contexts as usize)
            .checked_add(1)
            .ok_or(ENOMEM)?;
        let charge = Some(Charge::new(count)?);
        let mut flags = KVVec::with_capacity(count, gfp::charged())?;
        for _ in 0..count {
            flags
                .push_within_capacity(Atomic::new(true))
                .map_err(|_| ENOMEM)?;
        }
        Ok(Self { flags, charge })
    }

    /// Whether there are no flags.
    #[inline]
    pub(crate) fn is_none(&self) -> bool {
        self.flags.is_empty()
    }

    /// Bytes that are charged.
    pub(crate) fn bytes(&self) -> u64 {
        self.charge.as_ref().map_or(0, Charge::bytes)
    }

    /// The flag of a context. Safe against speculation, as the address is masked.
    #[inline]
    fn flag(&self, addr: u32) -> Option<&Atomic<bool>> {
        let mask = self.flags.len().wrapping_sub(1);
        self.flags.get(addr as usize & mask)
    }

    /// Whether the flag of a context is set; true where there are no flags.
    #[inline]
    pub(crate) fn is_set(&self, addr: u32) -> bool {
        // Acquire: pairs with `set`.
        self.flag(addr).is_none_or(|flag| flag.load(Acquire))
    }

    /// Sets the flag of a context whose watches have marked it.
    pub(crate) fn set(&self, addr: u32) {
        if let Some(flag) = self.flag(addr) {
            // Release: another operation on this context that finds the flag set returns no sooner
            // than the watches are ready.
            flag.store(true, Release);
        }
    }

    /// Clears the flag of a context, as a watch tells of it. The caller has the table alone.
    pub(crate) fn clear(&self, addr: u32) {
        if let Some(flag) = self.flag(addr) {
            // Relaxed: the table's lock orders this.
            flag.store(false, Relaxed);
        }
    }

    /// Whether the flags of all entries are set. The caller has the table alone.
    pub(crate) fn are_set(&mut self, ops: &[BatchOp]) -> bool {
        batch::all_set(&mut self.flags, ops)
    }
}

impl batch::Flag for Atomic<bool> {
    #[inline]
    fn flag(&mut self) -> bool {
        *self.get_mut()
    }
}
