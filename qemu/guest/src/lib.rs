// SPDX-License-Identifier: MIT OR Apache-2.0
//! Shared by `guest-run` on the host, `guest-init`, which is the guest's process 1, and tests that
//! boot other guests.

pub mod boots;
pub mod log;
pub mod ports;
pub mod protocol;
pub mod qemu;
