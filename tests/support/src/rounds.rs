// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`rounds`] of tests that repeat themselves.

use std::env;

/// Rounds of a test that repeats itself: 1000, or fewer on a slow kernel.
pub fn rounds() -> i64 {
    env::var("ATOMIK_ROUNDS").map_or(1000, |n| n.parse().expect("ATOMIK_ROUNDS is a number"))
}
