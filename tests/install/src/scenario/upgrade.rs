// SPDX-License-Identifier: MIT OR Apache-2.0
//! A machine that is installed on, rebooted, upgraded and cleaned.

use super::{INSTALL, Scenario, UNINSTALL, unpack};
use crate::guest::Guest;
use anyhow::{Result, ensure};

/// Headers of a kernel that has neither Rust metadata nor source, which come and go.
const NOTHING: &str = r#"set -e
. ~alice/atomik/tests/install/scripts/make.sh
kernel 9.9.9-none
rm /usr/src/linux-headers-9.9.9-none/rust/libkernel.rmeta
headers_package 9.9.9-none
DEBIAN_FRONTEND=noninteractive apt-get --yes install /tmp/deb/linux-headers-9.9.9-none.deb
[[ -z $(dpkg --audit) ]]
dpkg --purge linux-headers-9.9.9-none
rm -r /lib/modules/9.9.9-none /tmp/deb"#;

/// The part of `upgrade` without the kernel's upgrade, in a third of the time.
pub fn install(scenario: &mut Scenario) -> Result<()> {
    let release = scenario.release("newest")?;
    scenario.done.push((release.clone(), "install"));
    let mut guest = installed(scenario, &release)?;
    again(scenario, &mut guest)?;
    let mut guest = rebooted(scenario, guest, &release)?;
    skips(scenario, &mut guest)?;
    uninstall(scenario, guest)
}

/// From one series to the next.
pub fn upgrade(scenario: &mut Scenario) -> Result<()> {
    let (old, new) = (scenario.release("old")?, scenario.release("new")?);
    scenario.done = vec![(old.clone(), "install"), (new.clone(), "upgrade")];
    let mut guest = installed(scenario, &old)?;
    again(scenario, &mut guest)?;
    let mut guest = rebooted(scenario, guest, &old)?;
    skips(scenario, &mut guest)?;
    let guest = upgraded(scenario, guest, &new)?;
    uninstall(scenario, guest)
}

/// From one release of a series to the next, after which the old one goes, as `apt autoremove` has
/// it.
pub fn point_release(scenario: &mut Scenario) -> Result<()> {
    let (old, new) = (scenario.release("old")?, scenario.release("new")?);
    scenario.done = vec![(new.clone(), "upgrade")];
    let guest = installed(scenario, &old)?;
    let mut guest = upgraded(scenario, guest, &new)?;

    // The release without its flavour is in the names of all of a kernel's packages and files.
    let version = old.split('-').next().unwrap_or(&old);
    let files = format!("find / -xdev -path /srv -prune -o -name '*{version}*' -print");
    let before = guest.must("root", &files)?;
    for path in [
        format!("/boot/initrd.img-{old}"),
        format!("/usr/lib/modules/{old}"),
        format!("/var/cache/atomik/kernel/{old}"),
        format!("/var/lib/dkms/atomik/kernel-{old}-x86_64"),
    ] {
        let there = before.lines().any(|line| line == path);
        ensure!(there, "there is no {path} whose removal could be tested");
    }
    let packages = format!(
        "sudo DEBIAN_FRONTEND=noninteractive apt-get --yes purge \
         $(dpkg-query --show --showformat '${{Package}} ' 'linux-*-{version}*')"
    );
    let purged = scenario.timed(&mut guest, "removing the old kernel", &packages)?;
    scenario.check_outcome("the_old_kernel_is_removed", &purged, purged.ok());
    let rest = guest.run("root", &files)?;
    scenario.check_outcome(
        "nothing_of_the_old_kernel_is_left",
        &rest,
        rest.ok() && rest.text.trim().is_empty(),
    );
    let status = guest.run("root", "dkms status")?;
    scenario.check_outcome(
        "dkms_has_the_module_for_the_new_kernel_alone",
        &status,
        status.text.contains(&new) && !status.text.contains(&old),
    );
    scenario.check_device(&mut guest, "without_the_old_kernel")?;
    let healthy = guest.run("alice", "atomikctl doctor")?;
    scenario.check_outcome("the_doctor_finds_nothing_wrong", &healthy, healthy.ok());
    uninstall(scenario, guest)
}

/// Boots a machine and installs on it.
fn installed(scenario: &mut Scenario, release: &str) -> Result<Guest> {
    let mut guest = scenario.boot(release)?;
    unpack(&mut guest)?;
    let installed = scenario.timed(&mut guest, "installing", INSTALL)?;
    scenario.check_outcome("install_succeeds", &installed, installed.ok());
    ensure!(installed.ok(), "there is nothing installed to go on with");
    scenario.check_device(&mut guest, "at_once")?;
    scenario.check_module(&mut guest, "at_once")?;
    Ok(guest)
}

/// Uses what is installed, and installs again.
fn again(scenario: &mut Scenario, guest: &mut Guest) -> Result<()> {
    scenario.check_tools(guest, "/usr/local", "at_once")?;
    let again = scenario.timed(guest, "installing again", INSTALL)?;
    scenario.check_outcome("installing_twice_succeeds", &again, again.ok());
    scenario.check_device(guest, "after_installing_twice")
}

fn rebooted(scenario: &mut Scenario, guest: Guest, release: &str) -> Result<Guest> {
    guest.shut_down()?;
    let mut guest = scenario.boot(release)?;
    scenario.check_device(&mut guest, "after_a_reboot")?;
    let units = guest.run("root", "systemctl --failed --no-legend --plain")?;
    scenario.check_outcome(
        "no_unit_fails",
        &units,
        units.ok() && units.text.trim().is_empty(),
    );
    Ok(guest)
}

fn skips(scenario: &mut Scenario, guest: &mut Guest) -> Result<()> {
    let skipped = guest.run("root", NOTHING)?;
    scenario.check_outcome(
        "headers_for_which_there_is_nothing_are_skipped",
        &skipped,
        skipped.ok() && skipped.text.contains("was skipped for module(s) atomik"),
    );
    Ok(())
}

/// Installs the packages of another kernel, and reboots into it.
fn upgraded(scenario: &mut Scenario, mut guest: Guest, new: &str) -> Result<Guest> {
    let packages = "sudo DEBIAN_FRONTEND=noninteractive apt-get --yes install /srv/kernel/*.deb";
    let upgraded = scenario.timed(&mut guest, "upgrading the kernel", packages)?;
    scenario.check_outcome("the_kernel_upgrade_succeeds", &upgraded, upgraded.ok());
    let status = guest.run("root", "dkms status")?;
    let built = status
        .text
        .lines()
        .any(|line| line.contains(new) && line.contains("installed"));
    scenario.check_outcome("dkms_rebuilds_for_the_new_kernel", &status, built);

    let mut guest = scenario.reboot(guest, new)?;
    scenario.check_device(&mut guest, "on_the_new_kernel")?;
    Ok(guest)
}

pub fn uninstall(scenario: &mut Scenario, mut guest: Guest) -> Result<()> {
    let removed = scenario.timed(&mut guest, "uninstalling", UNINSTALL)?;
    scenario.check_outcome("uninstall_succeeds", &removed, removed.ok());
    let rest = guest.run(
        "root",
        "find / -xdev -path /home/alice/atomik -prune -o -name '*atomik*' -print; \
         grep atomik /etc/group /etc/gshadow; \
         grep '^atomik ' /proc/modules; ls /dev/atomik 2>/dev/null",
    )?;
    scenario.check_outcome(
        "uninstall_leaves_no_trace",
        &rest,
        rest.text.trim().is_empty(),
    );
    guest.shut_down()
}
