// SPDX-License-Identifier: GPL-2.0

//! [`UserBatch`], a batch that a caller has handed over.

use crate::{
    contexts::Contexts,
    gfp,
    logic::batch::{self, Plan, NOWHERE},
    pinned::{PinnedBatch, Values},
    uaccess::write_nofault,
    uapi::{self, BatchOp},
};
use core::mem::offset_of;
use kernel::{
    alloc::KVVec,
    prelude::*,
    uaccess::{UserPtr, UserSlice},
};
use zerocopy::{FromBytes, IntoBytes};

/// So many entries have room on the stack.
const FEW: usize = 16;

/// How the results of a batch get to the caller.
enum Results {
    /// There are none.
    None,
    /// Into pages that are held in place.
    Pinned(PinnedBatch),
    /// By copies that fail where a page is not there, after which the batch is undone. With the room
    /// for the references that LOAD and SWAP entries replace; empty where there are none of these.
    Copied(KVVec<u64>),
}

/// The kernel's copy of a valid batch, and where its results go.
pub(crate) struct UserBatch<'a> {
    ops: &'a mut [BatchOp],
    plan: Plan,
    user: UserPtr,
    results: Results,
}

impl UserBatch<'_> {
    /// Copies a batch from userspace, checks all of it that doesn't depend on the table, and calls
    /// `f` with it.
    ///
    /// Fails with EINVAL, EFAULT or ENOMEM.
    pub(crate) fn with(arg: &uapi::Batch, f: impl FnOnce(UserBatch<'_>) -> Result) -> Result {
        if !(1..=uapi::MAX_BATCH).contains(&arg.num_ops) {
            return Err(EINVAL);
        }
        let count = arg.num_ops as usize;
        let user = UserPtr::from_addr(usize::try_from(arg.ops_ptr).map_err(|_| EFAULT)?);
        let bytes = count.checked_mul(size_of::<BatchOp>()).ok_or(EINVAL)?;
        let copy = UserSlice::new(user, bytes);

        let mut few = [BatchOp::default(); FEW];
        let mut many = KVVec::new();
        let ops = if let Some(few) = few.get_mut(..count) {
            copy.reader().read_slice(few.as_mut_bytes())?;
            few
        } else {
            copy.read_all(&mut many, gfp::charged())?;
            // The allocator's memory is aligned for whatever fits.
            <[BatchOp]>::mut_from_bytes(&mut many).map_err(|_| EINVAL)?
        };
        let plan = batch::plan(ops).map_err(|_| EINVAL)?;
        f(UserBatch {
            ops,
            plan,
            user,
            results: Results::None,
        })
    }

    /// How many entries there are, at most `MAX_BATCH`.
    pub(crate) fn count(&self) -> u32 {
        self.ops.len() as u32
    }

    /// Gets ready for [`Self::apply`] what may take long and may fail with ENOMEM.
    pub(crate) fn prepare(&mut self) -> Result {
        self.results = if !self.plan.returns_values() {
            Results::None
        } else if let Some(pinned) = PinnedBatch::new(self.user, self.ops.len()) {
            Results::Pinned(pinned)
        } else if self.plan.saves_references(self.ops) {
            Results::Copied(KVVec::from_elem(0, self.ops.len(), gfp::charged())?)
        } else {
            Results::Copied(KVVec::new())
        };
        Ok(())
    }

    /// Applies the batch to the contexts of a table that nobody else uses meanwhile, and writes the
    /// results to userspace where their pages are there.
    ///
    /// Where one is not, nothing is applied and this returns false: the pages are to be brought in
    /// with [`Self::fault_in`], with the table released. So nobody waits for a caller's page fault,
    /// which the caller could make as long as he likes, and yet either all happens or nothing.
    ///
    /// Fails with EINVAL where an address is beyond the table.
    pub(crate) fn apply(&mut self, contexts: &mut Contexts) -> Result<bool> {
        let Self { ops, plan, .. } = self;
        if !plan.fits(ops, contexts.count()) {
            return Err(EINVAL);
        }
        let mut table = contexts.exclusive();
        match &mut self.results {
            Results::None => batch::apply(&mut table, plan, ops, NOWHERE.get(..ops.len()).unwrap_or(&[])),
            Results::Pinned(pinned) => {
                let mut ops: &[BatchOp] = ops;
                pinned.for_each_page(|values| match values {
                    Values::AfterHeads(values) => {
                        let (here, later) = ops.split_at_checked(values.len()).unwrap_or((ops, &[]));
                        batch::apply(&mut table, plan, here, values);
                        ops = later;
                    }
                    Values::BeforeHeads(values) => {
                        let (here, later) = ops.split_at_checked(values.len()).unwrap_or((ops, &[]));
                        batch::apply(&mut table, plan, here, values);
                        ops = later;
                    }
                });
            }
            Results::Copied(references) => {
                batch::attempt(&mut table, ops, references);
                if write_results(self.user, ops, write_nofault).is_err() {
                    batch::undo(&mut table, ops, references);
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Brings in the pages that the results go to, by writing the values of the attempt that has
    /// been undone. Fails with EFAULT where they can't be written.
    pub(crate) fn fault_in(&self) -> Result {
        write_results(self.user, self.ops, |to, value| {
            UserSlice::new(to, size_of::<u64>()).writer().write(value)
        })
    }
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
