// SPDX-License-Identifier: MIT OR Apache-2.0

//! Tests of the header with each compiler and each standard.

mod compile;
mod examples;
mod freestanding;
mod uapi;
mod units;
mod vectors;
mod warnings;
