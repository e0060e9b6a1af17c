// SPDX-License-Identifier: GPL-2.0

//! Errors that the kernel crate of 7.2 has no constant of.

use kernel::{bindings, error::Error};

/// Returns ECANCELED.
#[cold]
pub(crate) fn ecanceled() -> Error {
    Error::from_errno(-(bindings::ECANCELED as i32))
}
