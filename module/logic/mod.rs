// SPDX-License-Identifier: GPL-2.0 OR MIT OR Apache-2.0

//! The part of the driver that needs no kernel: the algebra of contexts, the rules for batches, the
//! ids of tables, the limit on their memory, sets of contexts as bits.
//!
//! The driver includes this directory as a module. On the host it is the crate `atomik-logic`, with
//! unit tests; the crate `atomik` takes the algebra for tables in the process from there. It
//! allocates nothing, and has no unsafe code and no panic path.

#![cfg_attr(not(MODULE), no_std)]

pub mod batch;
pub mod bits;
pub mod context;
pub mod index;
pub mod limit;
pub mod table_ids;

#[cfg(not(MODULE))]
#[cfg(test)]
extern crate std;
