// SPDX-License-Identifier: GPL-2.0

//! What differs between series of kernels: here it is as in the newest.

#[path = "../../../../module/kernel_ext/series/errno.rs"]
pub(crate) mod errno;
#[path = "../../../../module/kernel_ext/series/write_barrier.rs"]
pub(crate) mod write_barrier;
