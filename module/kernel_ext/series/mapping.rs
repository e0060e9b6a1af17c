// SPDX-License-Identifier: GPL-2.0

//! A flag of mappings that is another one in the kernel crate of 7.2, by mistake.

/// Set for a MAP_SHARED mapping, whether or not the file is open for writing.
#[cfg(linux_7_2)]
pub(crate) const MAYSHARE: kernel::mm::virt::vm_flags_t = 1 << kernel::bindings::VMA_MAYSHARE_BIT;

#[cfg(not(linux_7_2))]
pub(crate) use kernel::mm::virt::flags::MAYSHARE;
