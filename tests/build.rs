// SPDX-License-Identifier: MIT OR Apache-2.0

//! Prepares what the tests carry into the guest: the 32-bit client, a static C program, and the
//! fuzzer's programs.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

fn main() {
    client32();
    programs();
}

/// Lists the fuzzer's programs, as an array of names and texts.
fn programs() {
    let directory = "fuzz/programs";
    println!("cargo::rerun-if-changed={directory}");
    let entries = fs::read_dir(directory).expect(directory);
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect(directory).path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "ron"))
        .collect();
    paths.sort();
    let mut list = String::from("[\n");
    for path in paths {
        let path = path.canonicalize().expect(directory);
        let name = path.file_stem().unwrap_or_default();
        list += &format!("    ({name:?}, include_str!({path:?})),\n");
    }
    list += "]\n";
    let out = Path::new(&env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("programs.rs");
    fs::write(out, list).expect("write the list");
}

fn client32() {
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
