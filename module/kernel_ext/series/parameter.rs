// SPDX-License-Identifier: GPL-2.0

//! The value of a module parameter, which 7.2 gives by reference.

/// Returns the value that a parameter gives.
#[cfg(linux_7_2)]
pub(crate) fn parameter(value: &i64) -> i64 {
    *value
}

/// Returns the value that a parameter gives.
#[cfg(not(linux_7_2))]
pub(crate) fn parameter(value: i64) -> i64 {
    value
}
