// SPDX-License-Identifier: GPL-2.0

//! The structs of the ABI, as types that may cross the boundary to userspace.

use crate::uapi::{Accum, Batch, BatchOp, CreateTable, Info, Load, Read, Swap};
use kernel::transmute::{AsBytes, FromBytes};

/// Implements the kernel's marker traits for structs of the ABI.
macro_rules! crosses_the_boundary {
    ($($ty:ty),+ $(,)?) => {$(
        // SAFETY: a `repr(C)` struct of integers alone: every bit pattern is a value.
        unsafe impl FromBytes for $ty {}
        // SAFETY: a `repr(C)` struct of integers without padding (the test `header` of `uapi/`
        // compares each offset and size with C's), so that every byte is initialised.
        unsafe impl AsBytes for $ty {}
    )+};
}

crosses_the_boundary!(Accum, Batch, BatchOp, CreateTable, Info, Load, Read, Swap);
