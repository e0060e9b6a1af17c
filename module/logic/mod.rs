// SPDX-License-Identifier: GPL-2.0 OR MIT OR Apache-2.0

//! What needs no kernel: the algebra of contexts, the rules for batches, the ids of tables, the
//! limit of their memory.
//!
//! The driver includes this directory as a module; on the host it is the crate `atomik-logic`,
//! which the crate `atomik` has its algebra in the process from, and where its unit tests run. It
//! allocates nothing, has no unsafe code and no panic path.

#![cfg_attr(not(MODULE), no_std)]

pub mod batch;
pub mod context;
pub mod index;
pub mod limit;
pub mod table_ids;

#[cfg(not(MODULE))]
#[cfg(test)]
extern crate std;
