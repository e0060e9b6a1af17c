// SPDX-License-Identifier: MIT OR Apache-2.0

//! Tests of the driver that run side by side.

mod atomicity;
mod atomikctl;
mod batch;
mod cgroup;
mod commands;
mod compat32;
mod conditions;
mod consistent;
mod control_page;
mod descriptors;
mod destroy;
mod disturb;
mod errors;
mod examples;
mod export;
mod histories;
mod image;
mod isolation;
mod library;
mod library_watch;
mod mapped;
mod operations;
mod patterns;
mod progress;
mod random;
mod read_only;
mod readme;
mod replay;
mod sdk_c;
mod serve;
mod session;
mod sharing;
mod snapshot_file;
mod stream;
mod transactions;
mod vectors;
mod wait;
mod watch;
mod watching;
