// SPDX-License-Identifier: MIT OR Apache-2.0
//! Machines on which something is not as usual: a sentence, with a remedy that there is.

use crate::debian::run;

const INSTALL: &str = "./install.sh --yes --kernel 7.3.4-known";

#[test]
fn whoever_ran_sudo_is_in_the_group() {
    run(&format!(
        "kernel 7.3.4-known\nSUDO_USER=alice {INSTALL}\ngetent group atomik"
    ))
    .succeeds_with(&[
        "add alice to it",
        "alice is in the group atomik",
        ":alice\n",
    ]);
}

#[test]
fn a_sudo_user_without_an_account_undoes_nothing() {
    run(&format!(
        "kernel 7.3.4-known\nSUDO_USER=ghost {INSTALL}\ngetent group atomik"
    ))
    .succeeds_with(&["is installed", "gpasswd --add USER atomik"]);
}

/// For example one that only a directory service knows.
#[test]
fn an_account_that_cant_join_the_group_undoes_nothing() {
    run(&format!(
        "kernel 7.3.4-known\nmkdir -p /usr/local/bin\nln -s /bin/false /usr/local/bin/gpasswd
SUDO_USER=alice {INSTALL}"
    ))
    .succeeds_with(&["is installed", "gpasswd --add USER atomik"]);
}

#[test]
fn root_is_told_how_others_join_the_group() {
    run(&format!("kernel 7.3.4-known\n{INSTALL}")).succeeds_with(&["gpasswd --add USER atomik"]);
}

#[test]
fn a_clone_of_an_unknown_uid_is_a_fault_with_its_remedy() {
    run(&format!(
        "kernel 7.3.4-known\nrm target/tool/atomikctl\nchown -R 4711:4711 .
         SUDO_USER=alice {INSTALL}"
    ))
    .fails_with(&[
        "belongs to the uid 4711, which has no account",
        "chown -R alice: /home/alice/atomik",
        "nothing has been changed",
    ]);
}

#[test]
fn without_any_kernel_it_speaks_of_containers() {
    run(&format!("rmdir /usr/lib/modules\n{INSTALL}"))
        .fails_with(&["7.3.4-known is not installed, nor is another", "host"]);
}

#[test]
fn a_kernel_that_is_not_there_is_told_with_those_that_are() {
    run(&format!("kernel 7.2.1-other\n{INSTALL}")).fails_with(&[
        "7.3.4-known is not installed",
        "Installed are: 7.2.1-other.",
    ]);
}

#[test]
fn an_old_kernel_is_told_what_apt_has() {
    run(r#"kernel 6.12.1-odd
mkdir -p /usr/local/bin
cat >/usr/local/bin/apt-cache <<'END'
#!/bin/sh
[ "$*" = 'madison linux-image-amd64' ] || exit 0
echo ' linux-image-amd64 | 7.3.4-1~bpo13+1 | file:/srv/debian trixie-backports/main amd64 Packages'
echo ' linux-image-amd64 | 6.12.1-1 | file:/srv/debian trixie/main amd64 Packages'
END
chmod 755 /usr/local/bin/apt-cache
./install.sh --check --kernel 6.12.1-odd"#)
    .fails_with(&[
        "older than 7.2",
        "apt-get install -t trixie-backports linux-image-amd64 linux-headers-amd64",
    ]);
}

#[test]
fn an_old_kernel_is_told_which_suite_apt_lacks() {
    run("kernel 6.12.1-amd64\n./install.sh --check --kernel 6.12.1-amd64")
        .fails_with(&["older than 7.2", "trixie-backports to apt's sources"]);
}

#[test]
fn a_system_without_a_name_is_told_what_it_needs() {
    run("kernel 6.12.1-amd64\nrm /etc/os-release\n./install.sh --check --kernel 6.12.1-amd64")
        .fails_with(&["older than 7.2", "Boot one of 7.2 or later"]);
}

#[test]
fn a_kernel_from_no_package_is_asked_where_it_was_built() {
    run("mkdir /lib/modules/7.3.9-own\n./install.sh --check --kernel 7.3.9-own")
        .fails_with(&["is from no package", "--kdir"]);
}

#[test]
fn a_kernel_of_a_rustc_that_apt_lacks_is_told_so() {
    run("kernel 7.3.9-own 'rustc 1.99.0'\n./install.sh --check --kernel 7.3.9-own")
        .fails_with(&["was built by 'rustc 1.99.0'", "apt offers no rustc 1.99.0"]);
}

#[test]
fn another_shell_and_a_link_lead_to_the_same_script() {
    run("kernel 7.3.4-known
cd /
sh ~alice/atomik/install.sh --check --kernel 7.3.4-known
ln -s ~alice/atomik/install.sh /usr/local/install-atomik
/usr/local/install-atomik --check --kernel 7.3.4-known")
    .succeeds_with(&["ok        kernel 7.3.4-known"]);
}

#[test]
fn who_is_not_root_is_told_the_same_call_as_root() {
    run(&format!("runuser -u alice -- {INSTALL}")).fails_with(&[
        "this needs root",
        "sudo /home/alice/atomik/install.sh --yes --kernel 7.3.4-known\n",
    ]);
}
