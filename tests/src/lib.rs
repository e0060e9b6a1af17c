// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the guest tests share.

pub mod driver;
pub mod fdinfo;
pub mod memory;
pub mod model;
pub mod raw;
pub mod task;
