// SPDX-License-Identifier: GPL-2.0

//! The kernel's marker traits for the structs of the ABI, which cross the boundary to userspace.

use crate::uapi::{
    Accum, Batch, BatchOp, Change, Context, CreateTable, Export, Image, Info, Load, Read, Swap,
    Touch, Watch,
};
use kernel::transmute;

/// Implements the marker traits, which zerocopy's derived traits prove to be sound.
macro_rules! crosses_the_boundary {
    ($($ty:ty),+ $(,)?) => {$(
        // SAFETY: every bit pattern is a value, as zerocopy's `FromBytes` proves.
        unsafe impl transmute::FromBytes for $ty where $ty: zerocopy::FromBytes {}
        // SAFETY: every byte is initialised and there is no interior mutability, as zerocopy's
        // `IntoBytes` and `Immutable` prove.
        unsafe impl transmute::AsBytes for $ty
        where
            $ty: zerocopy::IntoBytes + zerocopy::Immutable,
        {
        }
    )+};
}

crosses_the_boundary!(
    Accum,
    Batch,
    BatchOp,
    Change,
    Context,
    CreateTable,
    Export,
    Image,
    Info,
    Load,
    Read,
    Swap,
    Touch,
    Watch
);
