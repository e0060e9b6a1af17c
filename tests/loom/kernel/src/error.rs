// SPDX-License-Identifier: GPL-2.0

//! Errors.

use core::convert::Infallible;

/// An error's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error(i32);

impl Error {
    pub fn from_errno(errno: i32) -> Self {
        Self(-errno)
    }
}

impl From<Infallible> for Error {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

pub type Result<T = (), E = Error> = core::result::Result<T, E>;

/// The errors that the driver returns.
pub mod code {
    use super::Error;

    pub const ENOENT: Error = Error(2);
    pub const EBADF: Error = Error(9);
    pub const EAGAIN: Error = Error(11);
    pub const ENOMEM: Error = Error(12);
    pub const EFAULT: Error = Error(14);
    pub const EINVAL: Error = Error(22);
    pub const ENOSPC: Error = Error(28);
    pub const ECANCELED: Error = Error(125);
    pub const ERESTARTSYS: Error = Error(512);
    pub const ERESTARTNOINTR: Error = Error(513);
}
