// SPDX-License-Identifier: GPL-2.0

//! Additions to the kernel crate: what it lacks and any driver might need. Nothing here knows of
//! tables or contexts. What the crate has, but not alike in each series of kernels, is in
//! [`series`].

pub(crate) mod anon_file;
pub(crate) mod atomic_or;
pub(crate) mod atomic_xor;
pub(crate) mod gfp;
pub(crate) mod memory;
pub(crate) mod module_ref;
pub(crate) mod pinned;
pub(crate) mod poll_queue;
pub(crate) mod series;
pub(crate) mod user_array;
pub(crate) mod user_word;
