// SPDX-License-Identifier: MIT OR Apache-2.0

//! How often tests repeat themselves.

use std::env;

/// Rounds of a test that repeats itself: 1000, or fewer on a slow kernel.
pub fn rounds() -> i64 {
    env::var("ATOMIK_ROUNDS").map_or(1000, |n| n.parse().expect("ATOMIK_ROUNDS is a number"))
}

/// Whether the kernel is slow: fewer rounds were asked for.
pub fn kernel_is_slow() -> bool {
    rounds() < 1000
}

/// The usual number of short steps, or a tenth of it on a slow kernel.
pub fn steps(usual: u64) -> u64 {
    if kernel_is_slow() {
        usual.div_ceil(10)
    } else {
        usual
    }
}
