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
    let guest = installed(scenario)?;
    uninstall(scenario, guest)
}

pub fn upgrade(scenario: &mut Scenario) -> Result<()> {
    let new = scenario.release("new")?;
    scenario.done.push((new.clone(), "upgrade-to"));
    let mut guest = installed(scenario)?;
    let packages = "sudo DEBIAN_FRONTEND=noninteractive apt-get --yes install /srv/kernel/*.deb";
    let upgraded = scenario.timed(&mut guest, "upgrading the kernel", packages)?;
    scenario.check_outcome("the_kernel_upgrade_succeeds", &upgraded, upgraded.ok());
    let status = guest.run("root", "dkms status")?;
    let built = status
        .text
        .lines()
        .any(|line| line.contains(&new) && line.contains("installed"));
    scenario.check_outcome("dkms_rebuilds_for_the_new_kernel", &status, built);

    let (mut guest, running) = scenario.reboot(guest)?;
    scenario.check("the_new_kernel_runs", running == new, &running);
    scenario.check_device(&mut guest, "on_the_new_kernel")?;
    uninstall(scenario, guest)
}

/// Boots a machine and installs on it, twice, with a reboot.
fn installed(scenario: &mut Scenario) -> Result<Guest> {
    let old = scenario.release("old")?;
    scenario.done.push((old.clone(), "upgrade-from"));
    let mut guest = scenario.boot(&old)?;
    unpack(&mut guest)?;

    let installed = scenario.timed(&mut guest, "installing", INSTALL)?;
    scenario.check_outcome("install_succeeds", &installed, installed.ok());
    ensure!(installed.ok(), "there is nothing installed to go on with");
    scenario.check_device(&mut guest, "at_once")?;
    scenario.check_module(&mut guest, "at_once")?;
    scenario.check_tools(&mut guest, "/usr/local", "at_once")?;

    let again = scenario.timed(&mut guest, "installing again", INSTALL)?;
    scenario.check_outcome("installing_twice_succeeds", &again, again.ok());
    scenario.check_device(&mut guest, "after_installing_twice")?;

    guest.shut_down()?;
    let mut guest = scenario.boot(&old)?;
    scenario.check_device(&mut guest, "after_a_reboot")?;
    let units = guest.run("root", "systemctl --failed --no-legend --plain")?;
    scenario.check_outcome(
        "no_unit_fails",
        &units,
        units.ok() && units.text.trim().is_empty(),
    );

    let skipped = guest.run("root", NOTHING)?;
    scenario.check_outcome(
        "headers_for_which_there_is_nothing_are_skipped",
        &skipped,
        skipped.ok() && skipped.text.contains("was skipped for module(s) atomik"),
    );

    Ok(guest)
}

fn uninstall(scenario: &mut Scenario, mut guest: Guest) -> Result<()> {
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
