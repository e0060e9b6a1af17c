// SPDX-License-Identifier: MIT OR Apache-2.0

//! The header and `uapi/atomik.h` agree on the device, for callers of 64 and of 32 bits, and a
//! program may include both.

use crate::compile::{BUILDS, Build, output, program};
use std::process::Output;

fn compile(build: Build, flags: &[&str]) -> Output {
    let uapi = concat!("-I", env!("CARGO_MANIFEST_DIR"), "/../../uapi");
    build.compile(
        &[flags, &["-fsyntax-only", uapi]].concat(),
        &[&program("same-as-uapi.c")],
        &output("nothing"),
    )
}

#[test]
fn both_headers_say_the_same() {
    // C99 has no static assertion, and gcc's is pedantic about it.
    for build in BUILDS.iter().filter(|build| build.standard != "c99") {
        for order in [&[] as &[_], &["-DUAPI_FIRST"]] {
            for bits in ["-m64", "-m32"] {
                // There is no C++ library for 32 bits.
                if build.cpp() && bits == "-m32" {
                    continue;
                }
                let said = compile(*build, &[order, &[bits]].concat());
                let text = String::from_utf8_lossy(&said.stderr);
                assert!(
                    said.status.success() && text.is_empty(),
                    "{build:?} {order:?} {bits}: {text}"
                );
            }
        }
    }
}

#[test]
fn a_difference_is_noticed() {
    for build in BUILDS.iter().filter(|build| build.standard != "c99") {
        for fact in [
            "ATOMIK_DEV_LOAD_==ATOMIK_IOC_ACCUM",
            "sizeof(struct atomik_dev_swap_)==32",
        ] {
            let said = compile(*build, &[&format!("-DONE_MORE={fact}")]);
            let text = String::from_utf8_lossy(&said.stderr);
            assert!(
                !said.status.success() && text.contains("assert"),
                "{build:?} {fact}: {text}"
            );
        }
    }
}
