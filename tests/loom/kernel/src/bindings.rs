// SPDX-License-Identifier: GPL-2.0

//! The C functions that the driver calls.

#![allow(non_camel_case_types, non_upper_case_globals, reason = "C's names")]

use crate::{atomic::Atomic, held, uaccess};
use core::ffi::{c_ulong, c_void};

pub struct atomic64_t(());

/// # Safety
///
/// `value` comes from [`Atomic::as_ptr`] of an atomic that is alive.
pub unsafe fn atomic64_xor(delta: i64, value: *mut atomic64_t) {
    // SAFETY: by the contract.
    unsafe { &*value.cast::<Atomic<u64>>() }.xor(delta as u64);
}

/// # Safety
///
/// As for [`atomic64_xor`].
pub unsafe fn atomic64_fetch_xor(delta: i64, value: *mut atomic64_t) {
    // SAFETY: by the contract.
    unsafe { atomic64_xor(delta, value) };
}

/// # Safety
///
/// As for [`atomic64_xor`].
pub unsafe fn atomic64_or(bits: i64, value: *mut atomic64_t) {
    // SAFETY: by the contract.
    unsafe { &*value.cast::<Atomic<u64>>() }.or(bits as u64);
}

/// # Safety
///
/// `to` is valid for writes of `len` bytes.
#[track_caller]
pub unsafe fn _copy_from_user(to: *mut c_void, from: *const c_void, len: usize) -> usize {
    held::might_fault();
    // SAFETY: `to` by the contract; `from` is memory of the test that only this thread uses.
    unsafe { to.cast::<u8>().copy_from_nonoverlapping(from.cast(), len) };
    0
}

/// # Safety
///
/// `from` is valid for reads of `len` bytes.
pub unsafe fn copy_to_user_nofault(to: *mut c_void, from: *const c_void, len: usize) -> c_ulong {
    if uaccess::is_there(to.addr()) {
        // SAFETY: `from` by the contract; `to` is memory of the test that only this thread uses.
        unsafe { to.cast::<u8>().copy_from_nonoverlapping(from.cast(), len) };
        0
    } else {
        len as c_ulong
    }
}

pub const ___GFP_NORETRY_BIT: u32 = 16;
