// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Debian packages instead of install.sh.

use super::{INSTALL, Scenario, UNINSTALL, files::Files, unpack};
use anyhow::{Result, ensure};

/// Files of the project that install.sh installs elsewhere, and their paths by the Debian packages.
const PACKAGED: &[(&str, &str)] = &[
    ("uapi/atomik.h", "/usr/include/atomik.h"),
    ("sdk/c/atomik_core.h", "/usr/include/atomik_core.h"),
    (
        "packaging/system/atomik.rules",
        "/usr/lib/udev/rules.d/60-atomik.rules",
    ),
    (
        "packaging/system/sysusers.conf",
        "/usr/lib/sysusers.d/atomik.conf",
    ),
    (
        "packaging/system/modules-load.conf",
        "/usr/lib/modules-load.d/atomik.conf",
    ),
    (
        "packaging/system/modprobe.conf",
        "/etc/modprobe.d/atomik.conf",
    ),
    (
        "packaging/system/kernel-postrm",
        "/usr/share/kernel/postrm.d/atomik",
    ),
    (
        "packaging/system/atomik-replicate@.service",
        "/usr/lib/systemd/user/atomik-replicate@.service",
    ),
    (
        "packaging/system/atomik-session@.service",
        "/usr/lib/systemd/user/atomik-session@.service",
    ),
];

pub fn packages(scenario: &mut Scenario) -> Result<()> {
    let old = scenario.release("old")?;
    scenario.done = vec![(old.clone(), "packages")];
    let mut guest = scenario.boot(&old)?;
    unpack(&mut guest)?;
    // The image is small by leaving out manual pages, which most machines have: also others than
    // ours, without which dpkg would remove their directory with the last of them, and then from
    // the list of each package.
    guest.must(
        "root",
        "echo 'path-include=/usr/share/man/*' >/etc/dpkg/dpkg.cfg.d/zz-manual-pages && \
         mkdir -p /usr/share/man/man1 /usr/share/man/man4 && \
         touch /usr/share/man/man1/another.1 /usr/share/man/man4/another.4",
    )?;
    let before = Files::of(&mut guest)?;
    let apt = "cd atomik/target/deb && sudo DEBIAN_FRONTEND=noninteractive apt-get --yes";

    let install = format!("{apt} install ./*.deb && sudo gpasswd --add alice atomik");
    let installed = scenario.timed(&mut guest, "installing the packages", &install)?;
    scenario.check_outcome("the_packages_install", &installed, installed.ok());
    ensure!(installed.ok(), "there is nothing installed to go on with");
    scenario.check_device(&mut guest, "by_the_packages")?;
    scenario.check_module(&mut guest, "by_the_packages")?;
    scenario.check_tools(&mut guest, "/usr", "by_the_packages")?;
    let compare: Vec<String> = PACKAGED
        .iter()
        .map(|(source, placed)| format!("cmp atomik/{source} {placed}"))
        .collect();
    let same = guest.run("alice", &compare.join(" && "))?;
    scenario.check_outcome("they_install_what_install_sh_does", &same, same.ok());
    let healthy = guest.run("alice", "atomikctl doctor")?;
    scenario.check_outcome("the_doctor_finds_nothing_wrong", &healthy, healthy.ok());
    let second = guest.run("alice", INSTALL)?;
    scenario.check_outcome(
        "install_sh_refuses_beside_the_packages",
        &second,
        !second.ok() && second.text.contains("atomik-dkms"),
    );
    let removal = guest.run("alice", UNINSTALL)?;
    scenario.check_outcome(
        "install_sh_leaves_the_packages_to_apt",
        &removal,
        !removal.ok() && removal.text.contains("apt-get purge atomik-dkms"),
    );

    guest.shut_down()?;
    let mut guest = scenario.boot(&old)?;
    scenario.check_device(&mut guest, "by_the_packages_after_a_reboot")?;

    let purge = format!("{apt} purge atomik-dkms atomik-tools atomik-replicate");
    let purged = scenario.timed(&mut guest, "purging the packages", &purge)?;
    scenario.check_outcome("the_packages_are_purged", &purged, purged.ok());
    // Like others of Debian, these packages leave the group, whose number files may bear.
    guest.must("root", "groupdel atomik")?;
    let after = Files::of(&mut guest)?;
    scenario.check_same("the_purge_restores_the_file_system", &before, &after);
    guest.shut_down()
}
