// SPDX-License-Identifier: GPL-2.0

//! The kernel's marker traits for what may cross the boundary to userspace.

/// # Safety
///
/// Every bit pattern is a value.
pub unsafe trait FromBytes {}

/// # Safety
///
/// Every byte is initialised, and there is no interior mutability.
pub unsafe trait AsBytes {}

// SAFETY: integers have neither padding nor invalid patterns.
unsafe impl AsBytes for u32 {}
// SAFETY: as above.
unsafe impl AsBytes for u64 {}
// SAFETY: as above.
unsafe impl FromBytes for u32 {}
// SAFETY: as above.
unsafe impl FromBytes for u64 {}
