// SPDX-License-Identifier: GPL-2.0

//! Error codes that the kernel crate of 7.2 has no constant for.

use kernel::{bindings, error::Error, ffi::c_int};

/// Returns ECANCELED.
#[cold]
pub(crate) fn ecanceled() -> Error {
    Error::from_errno(-(bindings::ECANCELED as c_int))
}
