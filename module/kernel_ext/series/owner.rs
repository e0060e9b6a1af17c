// SPDX-License-Identifier: GPL-2.0

//! The owner of the device's files, whom 7.2 doesn't know.

#[cfg(linux_7_2)]
pub(crate) use super::hold::hold_while_open;

/// Keeps the module loaded until `file` is closed. The VFS does so, as the kernel crate names the
/// module in the file's operations.
#[cfg(not(linux_7_2))]
pub(crate) fn hold_while_open(_file: &kernel::fs::File) -> kernel::error::Result {
    Ok(())
}
