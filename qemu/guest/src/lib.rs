// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `guest-run`, on the host, and `guest-init`, the guest's process 1, have in common.

pub mod log;
pub mod ports;
pub mod protocol;
