// SPDX-License-Identifier: GPL-2.0

//! [`FewOps`], room on the stack for a small batch.

use crate::uapi::BatchOp;
use core::{mem::MaybeUninit, slice};
use kernel::{prelude::*, uaccess::UserSlice};

/// Entries that have room.
pub(crate) const FEW: usize = 16;

/// Room for [`FEW`] entries, none of which is made before it is copied: the kernel crate can do that
/// for memory of its allocators only, and to clear this first would cost more than all the rest.
pub(crate) struct FewOps {
    ops: [MaybeUninit<BatchOp>; FEW],
}

impl FewOps {
    #[inline]
    pub(crate) fn new() -> Self {
        Self {
            ops: [const { MaybeUninit::uninit() }; FEW],
        }
    }

    /// Copies `count` entries from userspace. Fails with EFAULT, and with EINVAL where there are too
    /// many.
    #[inline]
    pub(crate) fn read(&mut self, from: UserSlice, count: usize) -> Result<&mut [BatchOp]> {
        let ops = self.ops.get_mut(..count).ok_or(EINVAL)?;
        let first = ops.as_mut_ptr();
        // SAFETY: the memory of `ops`, as bytes, which may be uninitialised.
        let bytes = unsafe { slice::from_raw_parts_mut(first.cast(), size_of_val(ops)) };
        from.reader().read_raw(bytes)?;
        // SAFETY: all of it has been written by now, and every bit pattern is a `BatchOp`, which is
        // `FromBytes`.
        Ok(unsafe { slice::from_raw_parts_mut(first.cast(), count) })
    }
}
