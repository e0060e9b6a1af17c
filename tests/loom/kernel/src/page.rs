// SPDX-License-Identifier: GPL-2.0

//! Pages.

/// As in the kernel, on x86.
pub const PAGE_SIZE: usize = 4096;
