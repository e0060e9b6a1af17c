// SPDX-License-Identifier: MIT OR Apache-2.0

//! A 32-bit program as a client.

use atomik_test_support::program::Program;
use atomik_tests::CLIENT32;

#[test]
fn a_32_bit_client() {
    assert_eq!(CLIENT32[4], 1, "ELFCLASS32");
    assert_eq!(Program::new("client32", CLIENT32).output(), "ok\n");
}
