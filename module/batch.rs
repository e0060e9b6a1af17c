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

/// The most entries of a small batch. It needs no allocation, and writing each of its results
/// without page faults costs less than pinning their pages.
const SMALL: usize = 16;

/// The kernel's copy of a valid batch, and the address of the caller's.
///
/// # Invariants
///
/// `ops` are 1 to `MAX_BATCH` entries, and `plan` is theirs.
pub(crate) struct UserBatch<'a> {
    ops: &'a mut [BatchOp],
    plan: Plan,
    user: UserPtr,
}

/// Means to hand a batch's results to the caller, and to undo the batch.
pub(crate) struct Results {
    /// The pages of the results, if they could be pinned.
    pinned: PinnedResults,
    /// Words that entries replace, where they may have to be put back.
    saved: SavedWords,
}

impl Results {
    /// Nothing yet. ([`UserBatch::prepare`] fills it where it is: it is too large to be moved
    /// cheaply.)
    #[inline]
    pub(crate) fn none() -> Self {
        Self {
            pinned: PinnedResults::none(),
            saved: SavedWords::None,
        }
    }
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
        if count <= SMALL {
            return Self::check(UserArray::<_, SMALL>::new().read(user, count)?, user, f);
        }
        Self::with_large_copy(user, count, scratch, f)
    }

    #[inline(never)] // A small batch doesn't pay for its frame.
    fn with_large_copy(
        user: UserPtr,
        count: usize,
        scratch: &Scratch,
        f: impl FnOnce(&mut UserBatch<'_>) -> Result,
    ) -> Result {
        let len = count.checked_mul(size_of::<BatchOp>()).ok_or(EINVAL)?;
        scratch.with_copy(UserSlice::new(user, len), len, |bytes| {
            // Doesn't fail: the allocator's memory is aligned for any type.
            let ops = <[BatchOp]>::mut_from_bytes(bytes).map_err(|_| EINVAL)?;
            Self::check(ops, user, f)
        })
    }

    #[inline(always)] // A call would cost small batches.
    fn check(
        ops: &mut [BatchOp],
        user: UserPtr,
        f: impl FnOnce(&mut UserBatch<'_>) -> Result,
    ) -> Result {
        let plan = batch::plan(ops).map_err(|_| EINVAL)?;
        // INVARIANT: this is the plan, and `with_copy` has checked the number.
        f(&mut UserBatch { ops, plan, user })
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
    #[inline]
    pub(crate) fn changes(&self) -> bool {
        !self.plan.changes_nothing()
    }

    /// True if it has no results: [`Self::apply_plain`] is for it.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        !self.plan.returns_values()
    }

    /// Fails with EINVAL where an address is beyond the table.
    #[inline]
    fn check_addresses(&self, contexts: &Contexts) -> Result {
        if self.plan.fits(self.ops, contexts.count()) {
            Ok(())
        } else {
            Err(EINVAL)
        }
    }

    /// Applies the batch, which [is plain](Self::is_plain), to the contexts of a table that the
    /// caller has alone. Returns an EXPECT that doesn't hold, and has applied nothing then:
    /// [`Self::tell_unmet`] is to follow, with the table released.
    ///
    /// Fails with EINVAL where an address is beyond the table.
    #[inline]
    pub(crate) fn apply_plain(&self, contexts: &mut Contexts) -> Result<Option<Unmet>> {
        self.check_addresses(contexts)?;
        Ok(match contexts.exclusive() {
            Exclusive::Unmapped(mut table) => self.apply_plain_to(&mut table),
            Exclusive::Mapped(mut table) => self.apply_plain_to(&mut table),
        })
    }

    #[inline]
    fn apply_plain_to(&self, table: &mut TableMut<'_, impl States, impl Word>) -> Option<Unmet> {
        let unmet = self.unmet(table);
        if unmet.is_none() {
            let targets = DISCARD.get(..self.ops.len()).unwrap_or(&[]);
            batch::apply(table, &self.plan, self.ops, targets);
        }
        unmet
    }

    /// The first EXPECT that doesn't hold.
    #[inline]
    fn unmet(&self, table: &mut TableMut<'_, impl States, impl Word>) -> Option<Unmet> {
        if self.plan.expects() {
            batch::unmet(table, self.ops)
        } else {
            None
        }
    }

    /// True if it is small and keeps all states: [`Self::tell_and_apply`] is for it.
    #[inline]
    pub(crate) fn tells_first(&self) -> bool {
        self.ops.len() <= SMALL && self.plan.keeps_states()
    }

    /// Writes the results of the batch, which [tells first](Self::tells_first), to userspace if
    /// their pages are present, and applies it to the contexts of a table that the caller has
    /// alone. Returns false, and has changed nothing, where a page is missing; then
    /// [`Self::write_results`] and another attempt are to follow, with the table released.
    ///
    /// Fails with EINVAL where an address is beyond the table.
    #[inline]
    pub(crate) fn tell_and_apply(&mut self, contexts: &mut Contexts) -> Result<bool> {
        self.check_addresses(contexts)?;
        Ok(match contexts.exclusive() {
            Exclusive::Unmapped(mut table) => self.tell_and_apply_to(&mut table),
            Exclusive::Mapped(mut table) => self.tell_and_apply_to(&mut table),
        })
    }

    #[inline]
    fn tell_and_apply_to(&mut self, table: &mut TableMut<'_, impl States, impl Word>) -> bool {
        let Self { ops, plan, user } = self;
        let mut to = first_value(*user);
        user_word::without_faults(|write| {
            batch::tell_and_apply(table, plan, ops, |state| {
                let value = to;
                to = to.wrapping_byte_add(size_of::<BatchOp>());
                write(value, state)
            })
        })
        .is_ok()
    }

    /// Writes what the entries' values are now to the caller's, where results go, and brings in
    /// their pages. Fails with EFAULT.
    #[cold]
    pub(crate) fn write_results(&self) -> Result {
        write_results(self.user, self.ops, user_word::write)
    }

    /// Prepares for [`Self::apply`]: does what may sleep or fail with ENOMEM.
    #[inline]
    pub(crate) fn prepare(&self, results: &mut Results) -> Result {
        if self.ops.len() > SMALL {
            results.pinned.pin(self.user, self.ops.len());
        }
        if !results.pinned.is_pinned() && self.plan.saves_words(self.ops) {
            results.saved = SavedWords::new(self.ops.len())?;
        }
        Ok(())
    }

    /// Applies the batch to the contexts of a table that the caller has alone, and writes the
    /// results to userspace if their pages are present. To follow, with the table released:
    ///
    /// - [`Self::tell_unmet`] where an EXPECT doesn't hold,
    /// - [`Self::fault_in`] and another attempt where a page is missing. So nobody waits for a
    ///   caller's page fault, which the caller could delay at will, and yet either all happens or
    ///   nothing.
    ///
    /// Fails with EINVAL where an address is beyond the table.
    #[inline]
    pub(crate) fn apply(
        &mut self,
        contexts: &mut Contexts,
        results: &mut Results,
    ) -> Result<Outcome> {
        self.check_addresses(contexts)?;
        Ok(match contexts.exclusive() {
            Exclusive::Unmapped(mut table) => self.apply_to(&mut table, results),
            Exclusive::Mapped(mut table) => self.apply_to(&mut table, results),
        })
    }

    #[inline]
    fn apply_to(
        &mut self,
        table: &mut TableMut<'_, impl States, impl Word>,
        results: &mut Results,
    ) -> Outcome {
        if let Some(unmet) = self.unmet(table) {
            return Outcome::Canceled(unmet);
        }
        let Self { ops, plan, user } = self;
        let written = if results.pinned.is_pinned() {
            let mut ops: &[BatchOp] = ops;
            results.pinned.for_each_page(|values| match values {
                Values::AfterHeads(values) => apply_some(table, plan, &mut ops, values),
                Values::BeforeHeads(values) => apply_some(table, plan, &mut ops, values),
            });
            Ok(())
        } else {
            let saved = results.saved.as_mut_slice(ops.len());
            batch::attempt(table, plan, ops, saved);
            user_word::without_faults(|write| write_results(*user, ops, write))
                .inspect_err(|_| batch::undo(table, ops, saved))
        };
        match written {
            Ok(()) => Outcome::Applied,
            Err(_) => Outcome::PageMissing,
        }
    }

    /// Writes the state found into the EXPECT entry that doesn't hold. Fails with EFAULT.
    #[cold]
    pub(crate) fn tell_unmet(&self, unmet: &Unmet) -> Result {
        let entry = unmet.entry.wrapping_mul(size_of::<BatchOp>());
        user_word::write(first_value(self.user).wrapping_byte_add(entry), unmet.state)
    }

    /// Brings in the pages of the results. Fails with EFAULT where they can't be written.
    ///
    /// Pins them, so that the next attempt finds them. If they can't be pinned, brings them in by
    /// writing the values that the undone attempt has left, which mean nothing.
    #[cold]
    pub(crate) fn fault_in(&self, results: &mut Results) -> Result {
        results.pinned.pin(self.user, self.ops.len());
        if results.pinned.is_pinned() {
            return Ok(());
        }
        self.write_results()
    }
}

/// The address of the first entry's value, given that of the batch.
#[inline]
fn first_value(user: UserPtr) -> UserPtr {
    user.wrapping_byte_add(offset_of!(BatchOp, value))
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
fn write_results(user: UserPtr, ops: &[BatchOp], write: impl Fn(UserPtr, u64) -> Result) -> Result {
    let mut to = first_value(user);
    for op in ops {
        if batch::returns_value(op) {
            write(to, op.value)?;
        }
        to = to.wrapping_byte_add(size_of::<BatchOp>());
    }
    Ok(())
}
