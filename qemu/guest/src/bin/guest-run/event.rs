// SPDX-License-Identifier: MIT OR Apache-2.0
//! Everything that can happen to a guest.

use atomik_guest::protocol::{Output, ToHost};
use nix::sys::signal::Signal;
use std::process::ExitStatus;

/// Sent by all threads to the one that stays with the guest.
pub enum Event {
    Message(ToHost),
    OutputClosed(Output),
    InputEnd(u64),
    Escape,
    Signal(Signal),
    /// QEMU has ended.
    Gone(Option<ExitStatus>),
}
