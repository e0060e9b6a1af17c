// SPDX-License-Identifier: GPL-2.0

//! What the driver takes from the kernel's prelude.

pub use crate::{
    alloc::{KBox, flags::GFP_KERNEL_ACCOUNT},
    error::{Error, Result, code::*},
    try_pin_init,
};
pub use core::pin::Pin;
pub use pinned_init::{PinInit, pin_data, pin_init};
pub use zerocopy::{FromBytes, IntoBytes};
