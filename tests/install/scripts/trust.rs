// SPDX-License-Identifier: MIT OR Apache-2.0
//! Users other than root must not harm an installation.

use crate::debian::{must, run};

const INSTALL: &str = "./install.sh --yes --kernel 7.3.4-known";

#[test]
fn only_root_can_lock_what_root_waits_for() {
    must(&format!(
        "kernel 7.3.4-known\n{INSTALL}
# Another kernel, whose metadata has to be rebuilt, for which there is a lock.
kernel 7.4.0-new
rm /usr/src/linux-headers-7.4.0-new/rust/libkernel.rmeta
touch /usr/src/linux-source-7.4.tar.xz
packaging/dkms/tree 7.4.0-new || true
locks=$(find /run /var/cache/atomik -type f ! -name '*.log')
(($(wc -w <<<\"$locks\") == 2))
for lock in $locks; do
    [[ $(stat -c '%a %U' \"$lock\") == '600 root' ]]
    if runuser -u nobody -- flock --nonblock \"$lock\" true; then exit 1; fi
done"
    ));
}

/// Takes the lock of an installation that has ended. DKMS leaves processes behind that have it,
/// too, but end.
const LOCK: &str = "flock --wait 60 /run/atomik-locks/install true";

/// An owner whose profile looks at what it is given and leaves a process behind, and whose cargo
/// makes the program.
const OWNER: &str = r#"kernel 7.3.4-known
mv target/tool/atomikctl ~alice
cat >~alice/.bash_profile <<'END'
ls -l /proc/self/fd >~/given
sleep infinity &
echo from the profile
END
mkdir -p /usr/local/bin
cat >/usr/local/bin/cargo <<'END'
#!/bin/sh
ls -l /proc/self/fd >>~alice/given
id -un
cp ~alice/atomikctl target/tool
END
chmod 755 /usr/local/bin/cargo
"#;

#[test]
fn the_owner_of_the_clone_gets_neither_lock_nor_log() {
    run(&format!(
        "{OWNER}{INSTALL}
cat ~alice/given
if grep -e /run/ ~alice/given; then exit 1; fi
grep -x -e alice -e 'from the profile' /run/atomik-install.log
[[ $(stat -c %U target/tool/atomikctl) == alice ]]
# Which it left behind.
grep -x sleep /proc/[0-9]*/comm
{LOCK}"
    ))
    .succeeds_with(&["from the profile\nalice\n"]);
}

#[test]
fn nor_does_what_roots_own_profile_starts() {
    must(&format!(
        "{OWNER}chown -R root: .\ncp ~alice/.bash_profile ~
{INSTALL}
if grep -e /run/ ~/given; then exit 1; fi
{LOCK}"
    ));
}

#[test]
fn a_lock_that_others_may_wait_for_stays() {
    must(&format!(
        "kernel 7.3.4-known\n{INSTALL}
before=$(stat -c %i /run/atomik-locks/install)
{INSTALL} --uninstall
[[ $(stat -c %i /run/atomik-locks/install) == \"$before\" ]]"
    ));
}

#[test]
fn what_debian_packages_installed_is_left_to_apt() {
    let said = run("package atomik-dkms
mkdir -p /tmp/deb/atomik-tools/etc
echo setting >/tmp/deb/atomik-tools/etc/atomik-setting
mkdir -p /tmp/deb/atomik-tools/DEBIAN
echo /etc/atomik-setting >/tmp/deb/atomik-tools/DEBIAN/conffiles
package atomik-tools
dpkg --install /tmp/deb/atomik-*.deb
# Of which only a setting is left.
dpkg --remove atomik-tools
mkdir -p /var/lib/dkms/atomik/0.4.0 /var/cache/atomik
./install.sh --yes --uninstall || echo \"status $?\"
ls -d /var/lib/dkms/atomik/0.4.0 /var/cache/atomik
kernel 7.3.4-known
./install.sh --check --kernel 7.3.4-known");
    said.fails_with(&[
        "status 1",
        "hint: apt-get purge atomik-dkms atomik-tools",
        "remove it first: apt-get purge atomik-dkms atomik-tools",
    ]);
}

#[test]
fn links_in_the_clone_are_refused() {
    for link in ["module/logic/extra", "packaging/dkms/tree", "uapi/atomik.h"] {
        run(&format!(
            "kernel 7.3.4-known\nln -sf /home/alice/mine {link}\n
{INSTALL} || [[ -e /usr/src/atomik-0.4.0 ]]"
        ))
        .fails_with(&[link, "link or the like", "nothing has been changed"]);
    }
}

/// They may come after the check.
#[test]
fn links_are_not_copied() {
    run("ln -s /home/alice module/extra
project=$PWD
die() { echo \"$*\"; exit 1; }
. packaging/install/driver.sh
stage /usr/src/copy")
    .fails_with(&["module/extra"]);
}
