// SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note

//! The version is set in the workspace's `Cargo.toml`. Files that can't take it from there repeat
//! it, and must say the same.

use atomik_uapi as uapi;
use std::{fs, path::Path};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Major, minor and patch.
fn numbers() -> [u32; 3] {
    let mut numbers = VERSION.split('.').map(|number| number.parse().unwrap());
    let [major, minor, patch] = [(); 3].map(|()| numbers.next().unwrap());
    assert_eq!(numbers.next(), None);
    [major, minor, patch]
}

#[test]
fn the_interface_reports_it() {
    let [major, minor, patch] = numbers();
    assert_eq!(uapi::VERSION, (major << 16) | (minor << 8) | patch);
}

#[test]
fn other_files_repeat_it() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let [major, minor, patch] = numbers();
    let number = format!("({major} << 16 | {minor} << 8 | {patch})");
    for (file, line) in [
        ("CHANGELOG.md", format!("## [{VERSION}]")),
        ("dkms.conf", format!("PACKAGE_VERSION=\"{VERSION}\"")),
        (
            "uapi/atomik.h",
            format!("of /dev/atomik, version {VERSION}."),
        ),
        (
            "uapi/atomik.h",
            format!("GET_INFO reports it: {VERSION}. */"),
        ),
        (
            "uapi/atomik.h",
            format!("#define ATOMIK_VERSION\t\t{number}"),
        ),
        (
            "uapi/src/lib.rs",
            format!("of `/dev/atomik`, version {VERSION}:"),
        ),
        (
            "uapi/src/lib.rs",
            format!("[`Info::version`] reports it: {VERSION}."),
        ),
        (
            "sdk/c/atomik_core.h",
            format!("version of this interface: {VERSION}. */"),
        ),
        (
            "sdk/c/atomik_core.h",
            format!("#define ATOMIK_CORE_VERSION\t{number}"),
        ),
    ] {
        let text = fs::read_to_string(project.join(file)).unwrap();
        assert!(text.contains(&line), "{file} doesn't say: {line}");
    }
}
