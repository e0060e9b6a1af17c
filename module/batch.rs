// SPDX-License-Identifier: GPL-2.0

//! [`UserBatch`], a caller's batch.

use crate::{
    contexts::{Contexts, Exclusive},
    kernel_ext::{gfp, user_array::UserArray, user_word},
    limit::Charge,
    logic::{
        batch::{self, Plan, Target, Unmet, DISCARD},
        context::{States, TableMut, Word},
    },
    pinned_results::{PinnedResults, Values},
    scratch::Scratch,
    uapi::{self, BatchOp},
};
use core::mem::offset_of;
use kernel::{
    alloc::KVVec,
    prelude::*,
    uaccess::{UserPtr, UserSlice},
};
use zerocopy::FromBytes;

/// The most entries of a small batch, which needs no allocation.
const SMALL: usize = 16;

/// The fewest entries whose results are written to pinned pages. Below, writing each without page
/// faults costs less than pinning.
const PINNED_FROM: usize = 6;

/// The kernel's copy of a valid batch, and the address of the caller's.
///
/// # Invariants
///
/// `ops` are 1 to `MAX_BATCH` entries, and `plan` is theirs.
pub(crate) struct UserBatch<'a> {
    ops: &'a mut [BatchOp],
    plan: Plan,
    /// Whether the results are written after the table has been released. That suits small batches
    /// that change nothing: if the results can't be written, there is nothing to undo. (In a large
    /// one, an ordinary copy of each value would cost more than pinning.)
    writes_later: bool,
    user: UserPtr,
    /// The pages of the results, if they could be pinned.
    pinned: PinnedResults,
    /// Words that entries replace, where they may have to be put back.
    saved: SavedWords,
}

/// The end of an attempt to apply a batch.
pub(crate) enum Outcome {
    Applied,
    /// A page that results go to is missing. Nothing has been applied.
    PageMissing,
    /// An EXPECT doesn't hold. Nothing has been applied.
    Canceled(Unmet),
}

/// A word for each entry.
enum SavedWords {
    None,
    Small([u64; SMALL]),
    Large { words: KVVec<u64>, _charge: Charge },
}

impl SavedWords {
    /// Makes a word for each of `count` entries. Fails with ENOMEM.
    #[inline(always)] // As `UserBatch::apply`.
    fn new(count: usize) -> Result<Self> {
        Ok(if count <= SMALL {
            Self::Small([0; SMALL])
        } else {
            Self::Large {
                _charge: Charge::new(count.checked_mul(size_of::<u64>()).ok_or(ENOMEM)?)?,
                words: KVVec::from_elem(0, count, gfp::charged())?,
            }
        })
    }

    #[inline]
    fn as_mut_slice(&mut self, count: usize) -> &mut [u64] {
        match self {
            Self::None => &mut [],
            Self::Small(words) => words.get_mut(..count).unwrap_or(&mut []),
            Self::Large { words, .. } => words,
        }
    }
}

impl UserBatch<'_> {
    /// Copies a batch from userspace, checks all that doesn't depend on the table, and calls `f`
    /// with it.
    ///
    /// Fails with EINVAL, EFAULT or ENOMEM, and as `f` does.
    #[inline]
    pub(crate) fn with_copy(
        arg: &uapi::Batch,
        scratch: &Scratch,
        f: impl FnOnce(&mut UserBatch<'_>) -> Result,
    ) -> Result {
        if !(1..=uapi::MAX_BATCH).contains(&arg.num_ops) {
            return Err(EINVAL);
        }
        let count = arg.num_ops as usize;
        let user = UserPtr::from_addr(usize::try_from(arg.ops_ptr).map_err(|_| EFAULT)?);
        let len = count.checked_mul(size_of::<BatchOp>()).ok_or(EINVAL)?;
        let copy = UserSlice::new(user, len);
        if count <= SMALL {
            return Self::check(UserArray::<_, SMALL>::new().read(copy, count)?, user, f);
        }
        scratch.with_copy(copy, len, |bytes| {
            // Doesn't fail: the allocator's memory is aligned for any type.
            let ops = <[BatchOp]>::mut_from_bytes(bytes).map_err(|_| EINVAL)?;
            Self::check(ops, user, f)
        })
    }

    #[inline]
    fn check(
        ops: &mut [BatchOp],
        user: UserPtr,
        f: impl FnOnce(&mut UserBatch<'_>) -> Result,
    ) -> Result {
        let plan = batch::plan(ops).map_err(|_| EINVAL)?;
        // INVARIANT: this is the plan, and `with_copy` has checked the number.
        f(&mut UserBatch {
            writes_later: ops.len() <= SMALL && plan.changes_nothing(),
            ops,
            plan,
            user,
            pinned: PinnedResults::none(),
            saved: SavedWords::None,
        })
    }

    /// The entries.
    #[inline]
    pub(crate) fn ops(&self) -> &[BatchOp] {
        self.ops
    }

    /// How many entries there are.
    pub(crate) fn count(&self) -> u32 {
        self.ops.len() as u32
    }

    /// Whether it has entries that change contexts.
    pub(crate) fn changes(&self) -> bool {
        !self.plan.changes_nothing()
    }

    /// Prepares for [`Self::apply`]: does what may sleep or fail with ENOMEM.
    #[inline(always)] // As `apply`.
    pub(crate) fn prepare(&mut self) -> Result {
        if !self.plan.returns_values() || self.writes_later {
            return Ok(());
        }
        if self.ops.len() >= PINNED_FROM {
            self.pinned.pin(self.user, self.ops.len());
        }
        if !self.pinned.is_pinned() && self.plan.saves_words(self.ops) {
            self.saved = SavedWords::new(self.ops.len())?;
        }
        Ok(())
    }

    /// Applies the batch to the contexts of a table that the caller has alone, and writes the
    /// results to userspace if their pages are present. To follow, with the table released:
    ///
    /// - [`Self::finish`] where the batch has been applied,
    /// - [`Self::tell_unmet`] where an EXPECT doesn't hold,
    /// - [`Self::fault_in`] and another attempt where a page is missing. So nobody waits for a
    ///   caller's page fault, which the caller could delay at will, and yet either all happens or
    ///   nothing.
    ///
    /// Fails with EINVAL where an address is beyond the table.
    #[inline(always)] // In a caller for each kind of descriptor. Calls would cost small batches.
    pub(crate) fn apply(&mut self, contexts: &mut Contexts) -> Result<Outcome> {
        let Self { ops, plan, .. } = self;
        if !plan.fits(ops, contexts.count()) {
            return Err(EINVAL);
        }
        Ok(match contexts.exclusive() {
            Exclusive::Unmapped(mut table) => self.apply_to(&mut table),
            Exclusive::Mapped(mut table) => self.apply_to(&mut table),
        })
    }

    #[inline(always)] // As `apply`.
    fn apply_to(&mut self, table: &mut TableMut<'_, impl States, impl Word>) -> Outcome {
        let Self { ops, plan, .. } = self;
        if plan.expects() {
            if let Some(unmet) = batch::unmet(table, ops) {
                return Outcome::Canceled(unmet);
            }
        }
        if !plan.returns_values() {
            batch::apply(table, plan, ops, DISCARD.get(..ops.len()).unwrap_or(&[]));
        } else if self.writes_later {
            batch::read(table, ops);
        } else if self.pinned.is_pinned() {
            let mut ops: &[BatchOp] = ops;
            self.pinned.for_each_page(|values| match values {
                Values::AfterHeads(values) => apply_some(table, plan, &mut ops, values),
                Values::BeforeHeads(values) => apply_some(table, plan, &mut ops, values),
            });
        } else {
            let saved = self.saved.as_mut_slice(ops.len());
            batch::attempt(table, plan, ops, saved);
            let written = user_word::without_faults(|write| write_results(self.user, ops, write));
            if written.is_err() {
                batch::undo(table, ops, saved);
                return Outcome::PageMissing;
            }
        }
        Outcome::Applied
    }

    /// Writes the state found into the EXPECT entry that doesn't hold. Fails with EFAULT.
    #[cold]
    pub(crate) fn tell_unmet(&self, unmet: &Unmet) -> Result {
        let entry = unmet.entry.wrapping_mul(size_of::<BatchOp>());
        let value = entry.wrapping_add(offset_of!(BatchOp, value));
        user_word::write(self.user.wrapping_byte_add(value), unmet.state)
    }

    /// Writes results that were not written with the table held. Fails with EFAULT.
    pub(crate) fn finish(&self) -> Result {
        if self.writes_later {
            write_results(self.user, self.ops, user_word::write)
        } else {
            Ok(())
        }
    }

    /// Brings in the pages of the results. Fails with EFAULT where they can't be written.
    ///
    /// Pins them, so that the next attempt finds them. If they can't be pinned, brings them in by
    /// writing the values that the undone attempt has left, which mean nothing.
    pub(crate) fn fault_in(&mut self) -> Result {
        self.pinned.pin(self.user, self.ops.len());
        if self.pinned.is_pinned() {
            return Ok(());
        }
        write_results(self.user, self.ops, user_word::write)
    }
}

/// Applies as many of `ops` as there are `values`, and leaves the rest in `ops`.
fn apply_some<T: Target>(
    table: &mut TableMut<'_, impl States, impl Word>,
    plan: &Plan,
    ops: &mut &[BatchOp],
    values: &[T],
) {
    let (now, later) = ops.split_at_checked(values.len()).unwrap_or((*ops, &[]));
    batch::apply(table, plan, now, values);
    *ops = later;
}

/// Writes the values of READ and SWAP entries, and no others.
fn write_results(
    user: UserPtr,
    ops: &[BatchOp],
    write: impl Fn(UserPtr, u64) -> Result,
) -> Result {
    let mut to = user.wrapping_byte_add(offset_of!(BatchOp, value));
    for op in ops {
        if batch::returns_value(op) {
            write(to, op.value)?;
        }
        to = to.wrapping_byte_add(size_of::<BatchOp>());
    }
    Ok(())
}
