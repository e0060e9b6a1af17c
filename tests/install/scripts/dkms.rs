// SPDX-License-Identifier: MIT OR Apache-2.0
//! Kernels for which the module can't be built must not disturb dpkg.

use crate::debian::{must, run};

const INSTALLED: &str =
    "kernel 7.3.4-known\n./install.sh --yes --kernel 7.3.4-known >/dev/null 2>&1\n";

/// Installs the headers of a kernel beside one that has the module, and tells whether dpkg and DKMS
/// are content.
fn headers(release: &str, prepare: &str) -> crate::debian::Said {
    run(&format!(
        "{INSTALLED}{prepare}
headers_package {release}
dpkg --install /tmp/deb/linux-headers-{release}.deb
[[ -z $(dpkg --audit) ]]
dkms status"
    ))
}

#[test]
fn headers_that_suit_get_the_module() {
    headers("7.4.0-new", "kernel 7.4.0-new").succeeds_with(&[
        "atomik/0.4.0, 7.3.4-known, x86_64: installed",
        "atomik/0.4.0, 7.4.0-new, x86_64: installed",
    ]);
}

#[test]
fn a_kernel_of_another_rustc_is_skipped_with_the_reason() {
    headers("7.4.0-new", "kernel 7.4.0-new 'rustc 1.99.0'").succeeds_with(&[
        "the kernel 7.4.0-new was built by 'rustc 1.99.0', but this is 'rustc 1.",
        "was skipped for module(s) atomik",
    ]);
}

#[test]
fn a_kernel_without_metadata_and_source_is_skipped_with_the_reason() {
    headers(
        "7.4.0-new",
        "kernel 7.4.0-new\nrm /usr/src/linux-headers-7.4.0-new/rust/libkernel.rmeta",
    )
    .succeeds_with(&[
        "have no Rust metadata",
        "apt-get install linux-source-7.4",
        "was skipped for module(s) atomik",
    ]);
}

#[test]
fn a_failing_build_for_another_kernel_is_skipped() {
    headers(
        "7.4.0-new",
        "kernel 7.4.0-new\necho 'modules: ; exit 3' >/usr/src/linux-headers-7.4.0-new/Makefile",
    )
    .succeeds_with(&["was skipped for module(s) atomik", "make.log"]);
}

#[test]
fn a_failing_build_for_the_running_kernel_fails() {
    // DKMS itself would skip it where it is an old one.
    run("release=$(uname -r)
kernel $release
echo 'modules: ; exit 3' >/usr/src/linux-headers-$release/Makefile
packaging/dkms/build $release /lib/modules/$release/build || (($? != 77))")
    .succeeds_with(&["Error 3"]);
}

#[test]
fn a_build_that_root_asks_for_fails() {
    run(&format!(
        "{INSTALLED}kernel 7.4.0-new 'rustc 1.99.0'\ndkms build atomik/0.4.0 -k 7.4.0-new"
    ))
    .fails_with(&["was built by 'rustc 1.99.0'"]);
}

/// Of a kernel whose metadata was rebuilt, once that kernel is gone.
#[test]
fn the_metadata_of_a_removed_kernel_goes_with_it() {
    must(&format!(
        "{INSTALLED}mkdir -p /var/cache/atomik/kernel/{{7.3.4-known,7.4.0-new}}/rust
hook() {{ DEB_MAINT_PARAMS=\"$*\" run-parts --arg=7.4.0-new --arg=/boot/a /etc/kernel/postrm.d; }}
hook upgrade 7.4.0-2
hook abort-install
ls -d /var/cache/atomik/kernel/7.4.0-new
hook remove
[[ $(ls /var/cache/atomik/kernel) == 7.3.4-known ]]"
    ));
}
