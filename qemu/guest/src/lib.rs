// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `guest-run`, on the host, and `guest-init`, the guest's process 1, have in common, and what
//! other tests boot with.

pub mod boots;
pub mod log;
pub mod ports;
pub mod protocol;
