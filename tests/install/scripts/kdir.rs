// SPDX-License-Identifier: MIT OR Apache-2.0
//! Trees against which the module is built: headers that come with the kernel's Rust metadata, as
//! Arch's, Fedora's and Armbian's do, and trees that `--kdir` names.

use crate::debian::{Said, must, run};

/// A rebuild of metadata would leave a file.
const NO_REBUILD: &str =
    "printf '#!/bin/sh\ntouch /tmp/rebuilt; exit 1\n' >packaging/dkms/metadata\n";

/// Runs install.sh for a kernel of alice's own, which she built in ~/linux.
fn own(prepare: &str, arguments: &str) -> Said {
    run(&format!(
        "{NO_REBUILD}kernel 7.3.4-own
rm /lib/modules/7.3.4-own/build
mv /usr/src/linux-headers-7.3.4-own ~alice/linux
tree=/home/alice/linux
echo 7.3.4-own >$tree/include/config/kernel.release
{prepare}
./install.sh --yes {arguments}
dkms status
[[ ! -e /tmp/rebuilt && ! -e /var/cache/atomik ]]"
    ))
}

const OWN: &str = "--kernel 7.3.4-own --kdir ~alice/linux";

#[test]
fn headers_that_have_the_metadata_are_built_against_as_they_are() {
    let text = must(&format!(
        "{NO_REBUILD}kernel 7.3.4-known
./install.sh --yes --kernel 7.3.4-known
dkms status
[[ ! -e /tmp/rebuilt && ! -e /var/cache/atomik ]]"
    ));
    assert!(text.contains("atomik/0.4.0, 7.3.4-known, x86_64: installed"));
    assert!(!text.contains("metadata"), "nothing of it is planned");
}

/// As the headers of a later kernel.
#[test]
fn nor_does_dkms_rebuild_theirs() {
    run(&format!(
        "{NO_REBUILD}kernel 7.3.4-known
./install.sh --yes --kernel 7.3.4-known
kernel 7.4.0-new
headers_package 7.4.0-new
dpkg --install /tmp/deb/linux-headers-7.4.0-new.deb
dkms status
[[ ! -e /tmp/rebuilt && ! -e /var/cache/atomik ]]"
    ))
    .succeeds_with(&["atomik/0.4.0, 7.4.0-new, x86_64: installed"]);
}

#[test]
fn headers_that_lack_it_have_it_rebuilt() {
    run(&format!(
        "{NO_REBUILD}kernel 7.3.4-known
rm /usr/src/linux-headers-7.3.4-known/rust/libkernel.rmeta
touch /usr/src/linux-source-7.3.tar.xz
./install.sh --yes --kernel 7.3.4-known || ls /tmp/rebuilt"
    ))
    .succeeds_with(&["rebuild the Rust metadata of 7.3.4-known", "/tmp/rebuilt\n"]);
}

#[test]
fn a_kernel_of_ones_own_is_named_by_its_tree() {
    own("", OWN).succeeds_with(&[
        "ok        build tree /home/alice/linux",
        "atomik/0.4.0, 7.3.4-own, x86_64: installed",
    ]);
}

#[test]
fn a_tree_is_found_from_where_one_stands_and_by_a_link() {
    own(
        "ln -s linux ~alice/link",
        "--kernel 7.3.4-own --kdir ../link",
    )
    .succeeds_with(&["atomik/0.4.0, 7.3.4-own, x86_64: installed"]);
}

#[test]
fn what_is_no_tree_is_refused() {
    for path in ["/nowhere", "/etc/passwd", "/home"] {
        own("", &format!("--kernel 7.3.4-own --kdir {path}")).fails_with(&[
            &format!("{path} is not a configured kernel build tree"),
            "hint: --kdir takes the directory in which the kernel was built",
        ]);
    }
}

#[test]
fn a_tree_that_is_only_configured_is_told_how_it_is_built() {
    own("rm $tree/include/config/kernel.release", OWN).fails_with(&[
        "/home/alice/linux is configured, but no kernel has been built there",
        "make -C /home/alice/linux",
        "nothing has been changed",
    ]);
}

#[test]
fn a_tree_of_which_a_part_was_built_is_told_the_rest() {
    for file in ["rust/libkernel.rmeta", "Module.symvers"] {
        own(&format!("rm $tree/{file}"), OWN).fails_with(&[
            "/home/alice/linux lacks rust/libkernel.rmeta or Module.symvers",
            "Build it there: make -C /home/alice/linux",
            "nothing has been changed",
        ]);
    }
}

#[test]
fn a_tree_of_another_kernel_is_told_which() {
    own("echo 7.4.0-other >$tree/include/config/kernel.release", OWN).fails_with(&[
        "was built for the kernel 7.4.0-other, not for 7.3.4-own",
        "make -C /home/alice/linux modules_install install",
        "--kernel 7.4.0-other",
    ]);
    own(
        "kernel 7.2.1-known",
        "--kernel 7.2.1-known --kdir ~alice/linux",
    )
    .fails_with(&[
        "was built for the kernel 7.3.4-own, not for 7.2.1-known",
        "Say --kernel 7.3.4-own.",
    ]);
}

#[test]
fn a_tree_without_rust_is_told_how_it_gets_it() {
    own("sed -i /CONFIG_RUST=/d $tree/.config", OWN).fails_with(&[
        "/home/alice/linux is configured without Rust",
        "make -C /home/alice/linux rustavailable",
    ]);
}

#[test]
fn a_tree_of_another_rustc_is_refused() {
    own("sed -i 's/\"rustc .*/\"rustc 1.99.0\"/' $tree/.config", OWN).fails_with(&[
        "was built by 'rustc 1.99.0'",
        "apt offers no rustc 1.99.0",
        "nothing has been changed",
    ]);
}

#[test]
fn a_tree_built_by_clang_needs_its_linker_too() {
    own("echo CONFIG_CC_IS_CLANG=y >>$tree/.config", OWN)
        .fails_with(&["apt does not offer lld", "nothing has been changed"]);
}

#[test]
fn a_path_that_make_cant_take_is_refused() {
    own(
        "mv $tree ~alice/'my linux'",
        "--kernel 7.3.4-own --kdir ~alice/'my linux'",
    )
    .fails_with(&[
        "/home/alice/my linux has a character that the kernel's make can't take",
        "Move it",
        "nothing has been changed",
    ]);
}
