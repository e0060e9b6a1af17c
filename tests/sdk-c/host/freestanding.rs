// SPDX-License-Identifier: MIT OR Apache-2.0

//! The header without a C library: it includes only the compiler's own headers, leaves nothing to
//! link but the calls that compilers rely on everywhere, and a program with it works.

use crate::compile::{BUILDS, Build, output, program, run};
use std::process::Command;

/// Compilers call these by themselves.
const ALLOWED: &[&str] = &["memcmp", "memcpy", "memmove", "memset"];

/// Options that leave no headers but the compiler's.
fn flags(build: Build) -> Vec<String> {
    let mut flags: Vec<String> = ["-ffreestanding", "-fno-stack-protector"]
        .map(Into::into)
        .into();
    if build.compiler.starts_with("clang") {
        flags.push("-nostdlibinc".into());
    } else {
        let own = Command::new(build.compiler)
            .arg("-print-file-name=include")
            .output()
            .expect("the compiler");
        let own = String::from_utf8(own.stdout).expect("text");
        flags.extend(["-nostdinc", "-isystem", own.trim()].map(Into::into));
    }
    flags
}

#[test]
fn a_program_without_a_c_library() {
    for build in BUILDS {
        for level in ["-O0", "-O2", "-Os"] {
            let flags = flags(*build);
            let mut flags: Vec<&str> = flags.iter().map(String::as_str).collect();
            flags.extend(["-nostdlib", "-static", level]);
            assert_eq!(
                run(&build.link(&flags, &[&program("freestanding.c")])),
                "",
                "{build:?} {level}"
            );
        }
    }
}

/// The symbols that an object leaves to others.
fn undefined(object: &std::path::Path) -> Vec<String> {
    let listed = Command::new("nm")
        .args(["-u", "--format=posix"])
        .arg(object)
        .output()
        .expect("nm");
    assert!(listed.status.success());
    let listed = String::from_utf8(listed.stdout).expect("text");
    listed
        .lines()
        .filter_map(|line| Some(line.split_once(' ')?.0.to_owned()))
        .collect()
}

#[test]
fn nothing_else_is_left_to_link() {
    for build in BUILDS {
        for level in ["-O0", "-O2", "-O3"] {
            let flags = flags(*build);
            let mut flags: Vec<&str> = flags.iter().map(String::as_str).collect();
            flags.extend(["-c", level]);
            let object = output("object");
            let said = build.compile(&flags, &[&program("implementation.c")], &object);
            assert!(
                said.status.success(),
                "{}",
                String::from_utf8_lossy(&said.stderr)
            );
            let left = undefined(&object);
            assert!(
                left.iter().all(|name| ALLOWED.contains(&name.as_str())),
                "{build:?} {level}: {left:?}"
            );
            std::fs::remove_file(object).unwrap();
        }
    }
}

/// With a C library there is more, which shows that the test above sees something.
#[test]
fn malloc_would_be_seen() {
    let object = output("object");
    let said = BUILDS[0].compile(&["-c", "-O2"], &[&program("implementation.c")], &object);
    assert!(said.status.success());
    // Compilers may make one of the other.
    let allocates = |name: &String| ["malloc", "calloc"].contains(&name.as_str());
    assert!(undefined(&object).iter().any(allocates));
    std::fs::remove_file(object).unwrap();
}
