// SPDX-License-Identifier: MIT OR Apache-2.0

//! Makes what the tests carry into the guest: static C programs, which are the 32-bit client and
//! those of the C header, and the list of the fuzzer's programs.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

fn main() {
    client32();
    sdk_c();
    programs();
    documents();
}

/// Takes from the documents what they show in Rust, as functions, and the manual page's program.
fn documents() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let read = |name| {
        let path = Path::new("..").join(name);
        println!("cargo::rerun-if-changed={}", path.display());
        fs::read_to_string(path).expect(name)
    };
    let documents = ["README.md", "docs/guide.md"].map(|name| (name, read(name)));
    let blocks = atomik_docs::rust_blocks(&documents);
    fs::write(out.join("documents.rs"), blocks).expect("write the blocks");

    let manual = read("docs/atomik.4");
    let example = atomik_docs::manual_example(&manual).expect("the manual page has an example");
    let source = out.join("manual-example.c");
    fs::write(&source, example).expect("write the example");
    let status = gcc()
        .args(["-static", "-Wall", "-Wextra", "-Werror", "-I../uapi"])
        .arg(source)
        .arg("-o")
        .arg(out.join("manual-example"))
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "gcc failed on the example of docs/atomik.4"
    );
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
    let out = Path::new(&env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("fuzzer.rs");
    fs::write(out, list).expect("write the list");
}

/// A compiler of the target's, by the name that Debian gives it.
fn gcc() -> Command {
    let arch = env::var("CARGO_CFG_TARGET_ARCH").expect("cargo sets it");
    Command::new(format!("{arch}-linux-gnu-gcc"))
}

/// The same for 32-bit programs that the target's kernel can run.
fn gcc_32() -> Command {
    if env::var("CARGO_CFG_TARGET_ARCH").as_deref() == Ok("aarch64") {
        return Command::new("arm-linux-gnueabihf-gcc");
    }
    let mut gcc = gcc();
    gcc.arg("-m32");
    gcc
}

fn client32() {
    let source = "guest/client32.c";
    let out = Path::new(&env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("client32");
    println!("cargo::rerun-if-changed={source}");
    println!("cargo::rerun-if-changed=../uapi/atomik.h");
    let status = gcc_32()
        .args([
            "-static",
            "-D_FILE_OFFSET_BITS=64",
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
        "there is no compiler for 32-bit programs, or it failed: build with `qemu/cargo`"
    );
}

/// The programs of the C header: the check of the vectors, tests, and the examples, moved to the
/// device by one line where they aren't there anyway.
fn sdk_c() {
    let sdk = Path::new("../sdk/c");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    println!("cargo::rerun-if-changed=../sdk/c/atomik_core.h");
    println!("cargo::rerun-if-changed=../sdk/c/examples");
    println!("cargo::rerun-if-changed=sdk-c/programs");

    for example in ["hello", "conditions", "consistent", "parity"] {
        let source = sdk.join("examples").join(example).with_extension("c");
        let source = fs::read_to_string(source).expect("the example");
        let moved = out.join(format!("sdk-c-{example}.c"));
        fs::write(moved, on_device(&source)).expect("write the example");
    }
    println!("cargo::rerun-if-changed=../sdk/README.md");
    let readme = fs::read_to_string("../sdk/README.md").expect("the README");
    let readme = atomik_sdk_c::readme_program(&readme).expect("the README has a block in C");
    fs::write(out.join("sdk-c-readme.c"), on_device(&readme)).expect("write it");

    let programs = Path::new("sdk-c/programs");
    let arrays = out.join("sdk-c-arrays.c");
    let source = atomik_sdk_c::Arrays::new().expect("the vectors").source;
    fs::write(&arrays, source).expect("write the arrays");
    for (name, source) in [
        ("sdk-c-vectors", programs.join("vectors.c")),
        ("sdk-c-units", programs.join("units.c")),
        ("sdk-c-device", programs.join("device.c")),
        ("sdk-c-watching", programs.join("watching.c")),
        ("sdk-c-mapping", programs.join("mapping.c")),
        ("sdk-c-hello", out.join("sdk-c-hello.c")),
        ("sdk-c-conditions", out.join("sdk-c-conditions.c")),
        ("sdk-c-consistent", out.join("sdk-c-consistent.c")),
        ("sdk-c-parity", out.join("sdk-c-parity.c")),
        ("sdk-c-readme", out.join("sdk-c-readme.c")),
        ("sdk-c-watch", sdk.join("examples/watch.c")),
    ] {
        let status = gcc()
            .args(["-static", "-O2", "-Wall", "-Wextra", "-Werror"])
            // Some define it themselves, with the same nothing.
            .args(["-DON_DEVICE", "-DATOMIK_STATIC", "-DATOMIK_DEVICE="])
            .arg("-I")
            .arg(sdk)
            .arg("-I")
            .arg(programs)
            .arg(source)
            .args((name == "sdk-c-vectors").then_some(&arrays))
            .arg("-o")
            .arg(out.join(name))
            .status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "gcc failed on {name}"
        );
    }
}

/// Changes the one line of a program that moves it to the device.
fn on_device(program: &str) -> String {
    let moved: Vec<&str> = program.split("atomik_table_init(").collect();
    assert_eq!(moved.len(), 2, "the program has one line to change");
    moved.join("atomik_table_open(")
}
