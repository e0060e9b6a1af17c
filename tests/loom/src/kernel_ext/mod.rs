// SPDX-License-Identifier: GPL-2.0

//! The driver's additions to the kernel crate, on the stand-in for it.

#[path = "../../../../module/kernel_ext/atomic_or.rs"]
pub(crate) mod atomic_or;
#[path = "../../../../module/kernel_ext/atomic_xor.rs"]
pub(crate) mod atomic_xor;
#[path = "../../../../module/kernel_ext/gfp.rs"]
pub(crate) mod gfp;
pub(crate) mod pinned;
pub(crate) mod poll_queue;
pub(crate) mod series;
#[path = "../../../../module/kernel_ext/user_array.rs"]
pub(crate) mod user_array;
#[path = "../../../../module/kernel_ext/user_word.rs"]
pub(crate) mod user_word;
