// SPDX-License-Identifier: GPL-2.0

//! The part of the kernel's prelude that the driver uses.

pub use crate::{
    alloc::{KBox, flags::GFP_KERNEL_ACCOUNT},
    error::{Error, Result, code::*},
    try_pin_init,
};
pub use core::pin::Pin;
pub use pinned_init::{PinInit, pin_data, pin_init};
pub use zerocopy::{FromBytes, IntoBytes};
