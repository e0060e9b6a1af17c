// SPDX-License-Identifier: GPL-2.0

//! A model check of the driver: its commands, from the very files that it is built from, on a
//! stand-in for the kernel whose locks and atomics loom explores.
//!
//! Left out is the device's registration; how the model of memory
//! differs from the kernel's says the crate `kernel` beside this one.

// `clippy --all-targets` would compile the unit tests in the driver's files, which are at home in
// the crate `atomik-logic`.
#![cfg(not(test))]

// The driver's files name it so.
extern crate pinned_init as pin_init;

mod explore;
mod file;
mod limit;
mod mapped;
mod patience;
mod pinned;

pub use explore::{explore_with, Explored, Model, Thread};
pub use file::File;
pub use kernel::{loom, planted, uaccess::Away};
pub use mapped::moves;

#[path = "../../../module/abi.rs"]
mod abi;
#[path = "../../../module/batch.rs"]
mod batch;
#[path = "../../../module/brlock.rs"]
mod brlock;
#[path = "../../../module/contexts.rs"]
mod contexts;
#[path = "../../../module/cpu_slot.rs"]
mod cpu_slot;
#[path = "../../../module/few_ops.rs"]
mod few_ops;
#[path = "../../../module/files.rs"]
mod files;
#[path = "../../../module/gfp.rs"]
mod gfp;
#[path = "../../../module/image.rs"]
#[allow(dead_code, reason = "the models have no images")]
mod image;
#[path = "../../../module/logic/mod.rs"]
#[allow(
    unreachable_pub,
    dead_code,
    reason = "public where it is a crate of its own, and the limit is none"
)]
mod logic;
#[path = "../../../module/open_file.rs"]
#[allow(dead_code, reason = "no table is mapped")]
mod open_file;
#[path = "../../../module/scratch.rs"]
mod scratch;
#[path = "../../../module/slot.rs"]
mod slot;
#[path = "../../../module/table.rs"]
#[allow(dead_code, reason = "bytes are the limit's affair")]
mod table;
#[path = "../../../module/tables.rs"]
#[allow(dead_code, reason = "bytes are the limit's affair")]
mod tables;
#[path = "../../../module/uaccess.rs"]
mod uaccess;
#[path = "../../../uapi/src/lib.rs"]
#[allow(unreachable_pub, dead_code, reason = "the mirror of the whole ABI")]
mod uapi;
#[path = "../../../module/xor.rs"]
mod xor;
