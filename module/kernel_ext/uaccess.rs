// SPDX-License-Identifier: GPL-2.0

//! Copies to userspace that take no page fault.

use kernel::{bindings, prelude::*, transmute::AsBytes, uaccess::UserPtr};

/// Writes `value` to userspace if its page is present and writable; never sleeps.
///
/// Fails with EFAULT, also where an ordinary copy would bring the page in. Some bytes may have been
/// written then.
pub(crate) fn write_nofault<T: AsBytes>(to: UserPtr, value: &T) -> Result {
    let from = core::ptr::from_ref(value).cast();
    // SAFETY: `from` is valid for reads of `size_of::<T>()` bytes, all of them initialised since
    // `T: AsBytes`; the kernel checks `to`.
    let failed = unsafe { bindings::copy_to_user_nofault(to.as_mut_ptr(), from, size_of::<T>()) };
    if failed == 0 {
        Ok(())
    } else {
        Err(EFAULT)
    }
}
