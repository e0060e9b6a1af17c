// SPDX-License-Identifier: GPL-2.0

//! [`UserArray`], a few items copied from userspace to the stack.

use core::{mem::MaybeUninit, slice};
use kernel::{bindings, prelude::*, uaccess::UserPtr};

/// Room on the stack for `N` items from userspace.
///
/// It stays uninitialised until the copy: the kernel crate can do that only for memory of its
/// allocators, and clearing a small array would cost more than everything else done with it.
pub(crate) struct UserArray<T, const N: usize> {
    items: [MaybeUninit<T>; N],
}

impl<T: zerocopy::FromBytes, const N: usize> UserArray<T, N> {
    #[inline]
    pub(crate) fn new() -> Self {
        Self {
            items: [const { MaybeUninit::uninit() }; N],
        }
    }

    /// Copies `count` items from userspace. Fails with EFAULT, and with EINVAL where there are more
    /// than `N`.
    #[inline]
    pub(crate) fn read(&mut self, from: UserPtr, count: usize) -> Result<&mut [T]> {
        let items = self.items.get_mut(..count).ok_or(EINVAL)?;
        let (first, len) = (items.as_mut_ptr(), size_of_val(items));
        // SAFETY: there is room for so many bytes. (So the kernel need not look whether there is,
        // as `copy_from_user` would.) It checks the address in userspace.
        let failed = unsafe { bindings::_copy_from_user(first.cast(), from.as_mut_ptr(), len) };
        if failed != 0 {
            return Err(EFAULT);
        }
        // SAFETY: all of it has been written, and every bit pattern is a `T`, which is `FromBytes`.
        Ok(unsafe { slice::from_raw_parts_mut(first.cast(), count) })
    }
}
