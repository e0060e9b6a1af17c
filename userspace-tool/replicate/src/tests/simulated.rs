// SPDX-License-Identifier: MIT OR Apache-2.0

use super::simulate::{long_form, simulate};
use super::world::Seen;

#[test]
fn larger_worlds_hold_under_random_faults() {
    let mut seen = Seen::default();
    for seed in 0..if long_form() { 30_000 } else { 1500 } {
        match simulate(seed, None) {
            Ok(in_this) => seen = seen.most(in_this),
            Err(fault) => panic!("seed {seed}: {fault}"),
        }
    }
    assert_ne!(seen.taken_over, 0);
    assert_ne!(seen.digests, 0);
    assert_ne!(seen.other_agents, 0);
}
