// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the guest tests share.

pub mod disturb;
pub mod driver;
pub mod fdinfo;
pub mod gate;
pub mod kernel_memory;
pub mod mapping;
pub mod memory;
pub mod model;
pub mod program;
pub mod raw;
pub mod serve;
pub mod task;
pub mod terminal;
pub mod tool;
