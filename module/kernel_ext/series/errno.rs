// SPDX-License-Identifier: GPL-2.0

//! ECANCELED, of which the kernel crate of 7.2 has no constant.

use kernel::error::Error;

/// Returns ECANCELED.
#[cold]
pub(crate) fn ecanceled() -> Error {
    #[cfg(linux_7_2)]
    return Error::from_errno(-(kernel::bindings::ECANCELED as i32));
    #[cfg(not(linux_7_2))]
    kernel::error::code::ECANCELED
}
