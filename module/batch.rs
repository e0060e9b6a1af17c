// SPDX-License-Identifier: GPL-2.0

//! [`UserBatch`], a batch that a caller has handed over.

use crate::{
    contexts::Contexts,
    gfp,
    logic::batch::{self, Plan},
    uaccess::write_nofault,
    uapi::{self, BatchOp},
};
use core::mem::offset_of;
use kernel::{
    alloc::KVVec,
    prelude::*,
    uaccess::{UserPtr, UserSlice},
};

/// The kernel's copy of a valid batch, and where its results go.
pub(crate) struct UserBatch {
    ops: KVVec<BatchOp>,
    /// The references that LOAD and SWAP entries replace, as long as `ops` where they may have to
    /// be put back; else empty.
    references: KVVec<u64>,
    plan: Plan,
    user: UserPtr,
}

impl UserBatch {
    /// Copies a batch from userspace and checks all of it that doesn't depend on the table.
    ///
    /// Fails with EINVAL, EFAULT or ENOMEM.
    pub(crate) fn read(arg: &uapi::Batch) -> Result<Self> {
        if !(1..=uapi::MAX_BATCH).contains(&arg.num_ops) {
            return Err(EINVAL);
        }
        let count = arg.num_ops as usize;
        let user = UserPtr::from_addr(usize::try_from(arg.ops_ptr).map_err(|_| EFAULT)?);
        let mut ops = KVVec::from_elem(BatchOp::default(), count, gfp::charged())?;
        let bytes = ops.as_mut_slice().as_mut_bytes();
        UserSlice::new(user, bytes.len())
            .reader()
            .read_slice(bytes)?;
        let plan = batch::plan(&ops).map_err(|_| EINVAL)?;
        let references = if plan.saves_references() {
            KVVec::from_elem(0, count, gfp::charged())?
        } else {
            KVVec::new()
        };
        Ok(Self {
            ops,
            references,
            plan,
            user,
        })
    }

    /// How many entries there are, at most `MAX_BATCH`.
    pub(crate) fn count(&self) -> u32 {
        self.ops.len() as u32
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
        if self.plan.max_addr >= contexts.count() {
            return Err(EINVAL);
        }
        let contexts = contexts.exclusive();
        batch::apply(contexts, &mut self.ops, &mut self.references);
        if !self.plan.returns_values || self.write_results(write_nofault).is_ok() {
            return Ok(true);
        }
        batch::undo(contexts, &mut self.ops, &self.references);
        Ok(false)
    }

    /// Brings in the pages that the results go to, by writing the values of the attempt that has
    /// been undone. Fails with EFAULT where they can't be written.
    pub(crate) fn fault_in(&self) -> Result {
        self.write_results(|to, value| UserSlice::new(to, size_of::<u64>()).writer().write(value))
    }

    /// Writes the values of READ and SWAP entries, and of no others.
    fn write_results(&self, mut write: impl FnMut(UserPtr, &u64) -> Result) -> Result {
        let mut to = self.user.wrapping_byte_add(offset_of!(BatchOp, value));
        for op in &self.ops {
            if batch::returns_value(op) {
                write(to, &op.value)?;
            }
            to = to.wrapping_byte_add(size_of::<BatchOp>());
        }
        Ok(())
    }
}
