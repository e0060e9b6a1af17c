// SPDX-License-Identifier: GPL-2.0

//! The loom check: the driver's commands, compiled from the driver's own files on a stand-in for
//! the kernel, in all interleavings of small cases.
//!
//! Files that need more of the kernel than the stand-in has are replaced by files of the same name
//! in this crate. The crate `kernel` beside it documents how loom's memory model differs from the
//! kernel's.

// Without this, `clippy --all-targets` would compile the unit tests in the driver's files, which
// belong to the crate `atomik-logic`.
#![cfg(not(test))]

// The driver's files use this name.
extern crate pinned_init as pin_init;

mod attempts;
mod case;
mod consistent;
mod file;
mod kernel_ext;
mod limit;
mod mapped;

pub use case::{explore, Case, Explored, Thread};
pub use consistent::{consistent_reads, Seen};
pub use file::File;
pub use kernel::{loom, planted, uaccess::Away};
pub use mapped::states_can_move;

#[path = "../../../module/abi.rs"]
mod abi;
#[path = "../../../module/batch.rs"]
mod batch;
#[path = "../../../module/commands.rs"]
#[allow(dead_code, reason = "no table is mapped, and no case has images")]
mod commands;
#[path = "../../../module/contexts.rs"]
mod contexts;
#[path = "../../../module/image.rs"]
#[allow(dead_code, reason = "no case has images")]
mod image;
#[path = "../../../module/logic/mod.rs"]
#[allow(
    unreachable_pub,
    dead_code,
    reason = "public where it is a crate of its own, and there is no limit"
)]
mod logic;
#[path = "../../../module/marks.rs"]
#[allow(dead_code, reason = "nobody asks for bytes")]
mod marks;
#[path = "../../../module/open_file.rs"]
#[allow(dead_code, reason = "nobody asks for bytes")]
mod open_file;
#[path = "../../../module/ops_total.rs"]
mod ops_total;
#[path = "../../../module/pinned_results.rs"]
mod pinned_results;
#[path = "../../../module/place.rs"]
#[allow(dead_code, reason = "nobody asks for bytes")]
mod place;
#[path = "../../../module/quiet.rs"]
mod quiet;
#[path = "../../../module/scratch.rs"]
mod scratch;
#[path = "../../../module/sequence.rs"]
mod sequence;
#[path = "../../../module/shared_states.rs"]
mod shared_states;
#[path = "../../../module/sync/mod.rs"]
mod sync;
#[path = "../../../module/tables.rs"]
#[allow(dead_code, reason = "nobody asks for bytes")]
mod tables;
#[path = "../../../uapi/src/lib.rs"]
#[allow(unreachable_pub, dead_code, reason = "the mirror of the whole ABI")]
mod uapi;
#[path = "../../../module/watch.rs"]
#[allow(dead_code, reason = "nobody polls or asks for bytes")]
mod watch;
#[path = "../../../module/watcher.rs"]
#[allow(dead_code, reason = "nobody polls or asks for bytes")]
mod watcher;
#[path = "../../../module/watchers.rs"]
mod watchers;
