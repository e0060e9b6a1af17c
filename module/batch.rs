// SPDX-License-Identifier: GPL-2.0

//! [`UserBatch`], a batch that a caller has handed over.

use crate::{
    contexts::{Contexts, Exclusive},
    few_ops::{FewOps, FEW},
    gfp,
    limit::Charge,
    logic::{
        batch::{self, Plan, Target, NOWHERE},
        context::{States, Table, Word},
    },
    pinned::{PinnedBatch, Values},
    scratch::Scratch,
    uaccess::write_nofault,
    uapi::{self, BatchOp},
};
use core::mem::offset_of;
use kernel::{
    alloc::KVVec,
    prelude::*,
    uaccess::{UserPtr, UserSlice},
};
use zerocopy::FromBytes;

/// From so many entries on, pinning the pages of the results costs less than to copy each without
/// page faults.
const MANY: usize = 6;

/// The kernel's copy of a valid batch, and where its results go.
pub(crate) struct UserBatch<'a> {
    ops: &'a mut [BatchOp],
    plan: Plan,
    /// Whether the results are written when others have the table again: where all entries are
    /// READs, there is nothing to undo if they can't be. Of a large batch, the pages are pinned
    /// nevertheless: an ordinary copy of each value would cost more.
    results_wait: bool,
    user: UserPtr,
    /// The pages that results are written to, if they could be pinned.
    pinned: PinnedBatch,
    /// Room for the references that LOAD and SWAP entries replace, where they may have to be put
    /// back.
    references: References,
}

/// Room for a reference of each entry.
enum References {
    None,
    Few([u64; FEW]),
    Many {
        references: KVVec<u64>,
        _charge: Charge,
    },
}

impl References {
    /// For `count` entries. Fails with ENOMEM.
    #[inline]
    fn new(count: usize) -> Result<Self> {
        Ok(if count <= FEW {
            Self::Few([0; FEW])
        } else {
            Self::Many {
                _charge: Charge::new(count.checked_mul(size_of::<u64>()).ok_or(ENOMEM)?)?,
                references: KVVec::from_elem(0, count, gfp::charged())?,
            }
        })
    }

    #[inline]
    fn as_mut_slice(&mut self, count: usize) -> &mut [u64] {
        match self {
            Self::None => &mut [],
            Self::Few(references) => references.get_mut(..count).unwrap_or(&mut []),
            Self::Many { references, .. } => references,
        }
    }
}

impl UserBatch<'_> {
    /// Copies a batch from userspace, checks all of it that doesn't depend on the table, and calls
    /// `f` with it.
    ///
    /// Fails with EINVAL, EFAULT or ENOMEM.
    #[inline]
    pub(crate) fn with(
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
        if count <= FEW {
            return Self::check(FewOps::new().read(copy, count)?, user, f);
        }
        scratch.with_copy(copy, len, |bytes| {
            // The allocator's memory is aligned for whatever fits.
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
        f(&mut UserBatch {
            results_wait: ops.len() <= FEW && plan.only_reads(),
            ops,
            plan,
            user,
            pinned: PinnedBatch::none(),
            references: References::None,
        })
    }

    /// How many entries there are, at most `MAX_BATCH`.
    pub(crate) fn count(&self) -> u32 {
        self.ops.len() as u32
    }

    /// Gets ready for [`Self::apply`] what may take long and may fail with ENOMEM.
    #[inline]
    pub(crate) fn prepare(&mut self) -> Result {
        if !self.plan.returns_values() || self.results_wait {
            return Ok(());
        }
        if self.ops.len() >= MANY {
            self.pinned.pin(self.user, self.ops.len());
        }
        if !self.pinned.is_pinned() && self.plan.saves_references(self.ops) {
            self.references = References::new(self.ops.len())?;
        }
        Ok(())
    }

    /// Applies the batch to the contexts of a table that nobody else uses meanwhile, and writes the
    /// results to userspace where their pages are there.
    ///
    /// Where one is not, nothing is applied and this returns false: the pages are to be brought in
    /// with [`Self::fault_in`], with the table released. So nobody waits for a caller's page fault,
    /// which the caller could make as long as he likes, and yet either all happens or nothing.
    ///
    /// [`Self::finish`] is still to be called, with the table released.
    ///
    /// Fails with EINVAL where an address is beyond the table.
    pub(crate) fn apply(&mut self, contexts: &mut Contexts) -> Result<bool> {
        let Self { ops, plan, .. } = self;
        if !plan.fits(ops, contexts.count()) {
            return Err(EINVAL);
        }
        Ok(match contexts.exclusive() {
            Exclusive::Unmapped(mut table) => self.apply_to(&mut table),
            Exclusive::Mapped(mut table) => self.apply_to(&mut table),
        })
    }

    #[inline]
    fn apply_to(&mut self, table: &mut Table<'_, impl States, impl Word>) -> bool {
        let Self { ops, plan, .. } = self;
        if !plan.returns_values() {
            batch::apply(table, plan, ops, NOWHERE.get(..ops.len()).unwrap_or(&[]));
        } else if self.results_wait {
            batch::read(table, ops);
        } else if self.pinned.is_pinned() {
            let mut ops: &[BatchOp] = ops;
            self.pinned.for_each_page(|values| match values {
                Values::AfterHeads(values) => apply_some(table, plan, &mut ops, values),
                Values::BeforeHeads(values) => apply_some(table, plan, &mut ops, values),
            });
        } else {
            let references = self.references.as_mut_slice(ops.len());
            batch::attempt(table, ops, references);
            if write_results(self.user, ops, write_nofault).is_err() {
                batch::undo(table, ops, references);
                return false;
            }
        }
        true
    }

    /// Writes results that could wait. Fails with EFAULT.
    pub(crate) fn finish(&self) -> Result {
        if self.results_wait {
            write_results(self.user, self.ops, write_faulting)
        } else {
            Ok(())
        }
    }

    /// Brings in the pages that the results go to. Fails with EFAULT where they can't be written.
    ///
    /// They are pinned, so that the next attempt finds them. Where they can't be, the values of the
    /// attempt that has been undone are written: the caller's memory must hold *something* then,
    /// even if the table is gone when it is tried again.
    pub(crate) fn fault_in(&mut self) -> Result {
        self.pinned.pin(self.user, self.ops.len());
        if self.pinned.is_pinned() {
            return Ok(());
        }
        write_results(self.user, self.ops, write_faulting)
    }
}

/// Writes a value as [`write_nofault`] does, but brings in its page if need be: may sleep.
fn write_faulting(to: UserPtr, value: &u64) -> Result {
    UserSlice::new(to, size_of::<u64>()).writer().write(value)
}

/// Applies as many of `ops` as there are `values` for, and leaves the rest in `ops`.
fn apply_some<T: Target>(
    table: &mut Table<'_, impl States, impl Word>,
    plan: &Plan,
    ops: &mut &[BatchOp],
    values: &[T],
) {
    let (now, later) = ops.split_at_checked(values.len()).unwrap_or((*ops, &[]));
    batch::apply(table, plan, now, values);
    *ops = later;
}

/// Writes the values of READ and SWAP entries, and of no others.
fn write_results(
    user: UserPtr,
    ops: &[BatchOp],
    mut write: impl FnMut(UserPtr, &u64) -> Result,
) -> Result {
    let mut to = user.wrapping_byte_add(offset_of!(BatchOp, value));
    for op in ops {
        if batch::returns_value(op) {
            write(to, &op.value)?;
        }
        to = to.wrapping_byte_add(size_of::<BatchOp>());
    }
    Ok(())
}
