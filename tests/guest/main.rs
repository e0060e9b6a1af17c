// SPDX-License-Identifier: MIT OR Apache-2.0

//! Tests of the driver that run side by side.

mod atomicity;
mod batch;
mod cgroup;
mod command;
mod compat32;
mod destroy;
mod errors;
mod histories;
mod isolation;
mod library;
mod mapped;
mod model;
mod operations;
mod replay;
mod sharing;
