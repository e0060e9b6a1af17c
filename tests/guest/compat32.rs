// SPDX-License-Identifier: MIT OR Apache-2.0

//! A 32-bit program as a client.

use atomik_tests::program;
use std::{fs, path::Path, process::Command};

/// The program, built by this package's build script.
const CLIENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/client32"));

#[test]
fn a_32_bit_client() {
    assert_eq!(CLIENT[4], 1, "ELFCLASS32");
    let path = format!("/tmp/client32-{}", std::process::id());
    program::place(Path::new(&path), CLIENT);
    let output = Command::new(&path).output().expect("run the client");
    fs::remove_file(&path).unwrap();
    assert!(
        output.status.success() && output.stdout == b"ok\n",
        "{}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
}
