// SPDX-License-Identifier: MIT OR Apache-2.0

//! A 32-bit program as a client.

use atomik_test_support::{memory::page_size, program::Program};
use atomik_tests::CLIENT32;
use nix::libc::ENOEXEC;
use std::process::Command;

#[test]
fn a_32_bit_client() {
    assert_eq!(CLIENT32[4], 1, "ELFCLASS32");
    let client = Program::new("client32", CLIENT32);
    // Programs of 32 bits expect pages of 4 KiB. With larger ones the kernel runs none.
    if page_size() > 4096 {
        let error = Command::new(client.path()).output().expect_err("it runs");
        assert_eq!(error.raw_os_error(), Some(ENOEXEC));
        return;
    }
    assert_eq!(client.output(), "ok\n");
}
