// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests to apt: it is to wait, and to remove nothing.

use crate::debian::{must, run};

/// A kernel whose compiler is missing, so that a package is.
const LACKING: &str = "kernel 7.3.4-known '' gcc-99\n";
const INSTALL: &str = "./install.sh --yes --kernel 7.3.4-known";

#[test]
fn what_is_missing_is_installed() {
    let text = must(&format!(
        "{LACKING}package gcc-99\noffer gcc-99\n{INSTALL}\ndpkg -s gcc-99"
    ));
    assert!(text.contains("apt offers what is missing: gcc-99"));
    assert!(!text.contains("waiting"), "nobody had the lock");
}

#[test]
fn what_apt_lacks_is_in_the_suite_of_the_kernel() {
    let check = format!("{LACKING}./install.sh --check --kernel 7.3.4-known");
    run(&check).fails_with(&["apt does not offer gcc-99", "suite (trixie-backports)"]);
    // The next Debian has kernels with Rust itself.
    run(&format!(
        "rm /etc/os-release\necho VERSION_CODENAME=forky >/etc/os-release\n{check}"
    ))
    .fails_with(&["apt does not offer gcc-99", "suite (forky)"]);
}

/// By it the kernel's helpers are inlined; Debian's default may be another.
#[test]
fn the_clang_of_rustcs_llvm_is_installed() {
    let kernel = "kernel 7.3.4-known
rm /usr/src/linux-headers-7.3.4-known/rust/libkernel.rmeta
echo CONFIG_RUSTC_LLVM_MAJOR_VERSION=99 >>/usr/src/linux-headers-7.3.4-known/.config
touch /usr/src/linux-source-7.3.tar.xz
package clang-99\npackage clang";
    let check = "./install.sh --check --kernel 7.3.4-known";
    run(&format!("{kernel}\noffer clang-99 clang\n{check}"))
        .succeeds_with(&["apt offers what is missing: clang-99"]);
    let said = run(&format!("{kernel}\noffer clang\n{check}"));
    assert!(!said.text.contains("clang-99"), "{}", said.text);
}

#[test]
fn it_waits_for_another_apt_and_says_for_whom() {
    run(&format!(
        "{LACKING}package gcc-99\noffer gcc-99
coproc python3 -c 'import fcntl, signal
lock = open(\"/var/lib/dpkg/lock-frontend\", \"w\")
fcntl.lockf(lock, fcntl.LOCK_EX)
print(\"held\", flush=True)
signal.pause()'
read -r _ <&\"${{COPROC[0]}}\"
holder=$COPROC_PID
{INSTALL} 2>&1 | while read -r line; do
    echo \"$line\"
    [[ $line == *waiting* ]] || continue
    # Until apt itself has met the lock.
    until grep -qs 'Could not get lock' /run/atomik-install.log; do :; done
    kill \"$holder\"
done
dpkg -s gcc-99"
    ))
    .succeeds_with(&[
        "waiting for apt's lock, which process ",
        "(python3)",
        "15 minutes at most",
    ]);
}

#[test]
fn a_removal_is_a_fault_of_the_plan() {
    run(&format!(
        "{LACKING}package in-the-way\ndpkg --install /tmp/deb/in-the-way.deb
package gcc-99 'Conflicts: in-the-way'\noffer gcc-99
{INSTALL}"
    ))
    .fails_with(&[
        "apt would have to remove in-the-way",
        "apt-get remove in-the-way",
        "nothing has been changed",
    ]);
}

/// The machine may have changed since it was checked.
#[test]
fn apt_itself_removes_nothing() {
    run("package in-the-way\ndpkg --install /tmp/deb/in-the-way.deb
package gcc-99 'Conflicts: in-the-way'\noffer gcc-99
project=$PWD version=0 log=/tmp/log deps=yes
for part in messages journal packages; do . packaging/install/$part.sh; done
needed=(gcc-99)
(install_packages) || cat /tmp/log
dpkg -s in-the-way")
    .succeeds_with(&["remove is disabled", "Status: install ok installed"]);
}

#[test]
fn what_apt_cant_install_is_a_fault_of_the_plan() {
    run(&format!(
        "{LACKING}package gcc-99 'Depends: nowhere'\noffer gcc-99\n{INSTALL}"
    ))
    .fails_with(&[
        "apt can't install gcc-99",
        "nowhere",
        "nothing has been changed",
    ]);
}

#[test]
fn what_only_later_kernels_need_is_left_out() {
    // A kernel whose headers have no metadata, but which was rebuilt before.
    run("kernel 7.3.4-known
mkdir -p /var/cache/atomik/kernel/7.3.4-known/rust
cp -a /usr/src/linux-headers-7.3.4-known/. /var/cache/atomik/kernel/7.3.4-known
rm /usr/src/linux-headers-7.3.4-known/rust/libkernel.rmeta
sed -i '/^Package: bc$/,/^$/d' /var/lib/dpkg/status
package in-the-way\ndpkg --install /tmp/deb/in-the-way.deb
package bc 'Conflicts: in-the-way'\noffer bc
./install.sh --dry-run --kernel 7.3.4-known")
    .succeeds_with(&["can't be installed: bc. apt would have to remove in-the-way"]);
}

#[test]
fn a_failure_names_only_logs_that_are_there() {
    must(
        "kernel 7.3.4-known
echo 'modules: ; echo the reason; exit 3' >/usr/src/linux-headers-7.3.4-known/Makefile
if ./install.sh --yes --kernel 7.3.4-known >/tmp/said 2>&1; then exit 1; fi
cat /tmp/said
grep -q 'the reason' /tmp/said
logs=$(grep -oE '(Consult|see|in) /[^ ]+' /tmp/said | cut -d ' ' -f 2)
[[ -n $logs ]]
ls $logs",
    );
}
