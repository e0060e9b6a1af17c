// SPDX-License-Identifier: MIT OR Apache-2.0

//! Builds the 32-bit client, a static C program that the tests carry into the guest.

use std::{env, path::Path, process::Command};

fn main() {
    let source = "client32/client.c";
    let out = Path::new(&env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("client32");
    println!("cargo::rerun-if-changed={source}");
    println!("cargo::rerun-if-changed=../uapi/atomik.h");
    let status = Command::new("gcc")
        .args([
            "-m32",
            "-static",
            "-O1",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-I../uapi",
        ])
        .arg(source)
        .arg("-o")
        .arg(out)
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "gcc -m32 failed: install gcc-multilib, or build with `qemu/in-root cargo`"
    );
}
