// SPDX-License-Identifier: MIT OR Apache-2.0
//! A machine with Secure Boot on, whose owner does what install.sh and the doctor say.

use super::{INSTALL, Scenario, UNINSTALL, unpack};
use crate::firmware::Firmware;
use crate::guest::{Guest, Start};
use anyhow::{Result, ensure};

const IMPORT: &str = "mokutil --import /var/lib/dkms/mok.pub";
const PASSWORD: &str = "once";

/// Says whether Secure Boot is on, and what follows from it.
const STATE: &str = "set -e
od -An -tu1 /sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c
cat /sys/kernel/security/lockdown";

/// Loads the module without its signature, as one that nobody has signed.
const UNSIGNED: &str = "set -e
module=$(modinfo -F filename atomik)
case $module in
*.xz) xz -dc $module >/run/unsigned.ko ;;
*) cp $module /run/unsigned.ko ;;
esac
strip --strip-debug /run/unsigned.ko
[ -z \"$(modinfo -F signer /run/unsigned.ko)\" ]
dmesg --clear
insmod /run/unsigned.ko && echo loaded
dmesg";

/// Who has signed the module.
const SIGNER: &str = "modinfo -F sig_key atomik";

/// Has GRUB's configuration written, as an installer does; from now on each kernel's packages have
/// it written again.
fn configure_grub(guest: &mut Guest, command_line: &str) -> Result<()> {
    guest.must(
        "root",
        &format!(
            "set -e
cat >/etc/default/grub <<'END'
GRUB_TIMEOUT=0
GRUB_TERMINAL=console
GRUB_DISABLE_LINUX_UUID=true
GRUB_CMDLINE_LINUX='{command_line}'
END
mkdir -p /boot/grub
update-grub"
        ),
    )?;
    Ok(())
}

/// What GRUB does: what the configuration on the disk says, and before there is one, it boots this
/// kernel.
fn grub(release: &str, command_line: &str) -> String {
    format!(
        "search --no-floppy --label atomik --set=root
set prefix=($root)/boot/grub
if [ -e $prefix/grub.cfg ]; then
    configfile $prefix/grub.cfg
fi
linux /boot/vmlinuz-{release} {command_line}
boot
"
    )
}

pub fn secure_boot(scenario: &mut Scenario) -> Result<()> {
    let (old, new) = (scenario.release("old")?, scenario.release("new")?);
    scenario.done = vec![(old.clone(), "secure-boot"), (new.clone(), "secure-boot")];
    let command_line = Firmware::command_line(&scenario.paths.in_root);
    let firmware = Firmware::new(
        &scenario.paths.layer,
        scenario.directory.path(),
        &grub(&old, &command_line),
    )?;
    let mut guest = scenario.start(&old, Start::Firmware(&firmware))?;
    let state = guest.run("root", STATE)?;
    let on = state.ok() && state.text.contains("   1\n") && state.text.contains("[integrity]");
    scenario.check_outcome("secure_boot_and_lockdown_are_on", &state, on);
    ensure!(on, "there is no Secure Boot to test");
    configure_grub(&mut guest, &command_line)?;

    unpack(&mut guest)?;
    let installed = scenario.timed(&mut guest, "installing", INSTALL)?;
    scenario.check_outcome("install_succeeds", &installed, installed.ok());
    ensure!(installed.ok(), "there is nothing installed to go on with");
    let says = |what: &str| installed.text.contains(what);
    scenario.check_outcome(
        "install_says_what_to_enrol",
        &installed,
        says(IMPORT) && says("Then reboot") && says("'Enroll MOK'"),
    );
    refuses(scenario, &mut guest)?;
    let signer = guest.must("root", SIGNER)?;

    // The user does as told.
    guest.must(
        "alice",
        &format!("printf '{PASSWORD}\\n{PASSWORD}\\n' | sudo {IMPORT}"),
    )?;
    let doctor = guest.run("alice", "atomikctl doctor")?;
    scenario.check_outcome(
        "the_doctor_then_says_to_confirm",
        &doctor,
        !doctor.ok() && !doctor.text.contains(IMPORT) && doctor.text.contains("'Enroll MOK'"),
    );
    // Else the console would wait for ten seconds only, which a busy machine can't promise.
    guest.must("root", "mokutil --timeout -1")?;
    guest.shut_down()?;
    scenario.say("enrolling the key");
    let log = scenario.directory.path().join("enrolment.log");
    firmware.enrol(&scenario.paths.in_root, PASSWORD, &log)?;

    let mut guest = scenario.start(&old, Start::Firmware(&firmware))?;
    takes(scenario, &mut guest, "with_the_key")?;
    let again = scenario.timed(&mut guest, "installing again", INSTALL)?;
    scenario.check_outcome(
        "installing_with_the_key_uses_the_device",
        &again,
        again.ok() && again.text.contains("used the device") && !again.text.contains("MOK"),
    );

    let packages = "sudo DEBIAN_FRONTEND=noninteractive apt-get --yes install /srv/kernel/*.deb";
    let upgraded = scenario.timed(&mut guest, "upgrading the kernel", packages)?;
    scenario.check_outcome("the_kernel_upgrade_succeeds", &upgraded, upgraded.ok());
    guest.shut_down()?;
    let mut guest = scenario.start(&new, Start::Firmware(&firmware))?;
    takes(scenario, &mut guest, "on_the_new_kernel")?;
    let same = guest.run("root", SIGNER)?;
    scenario.check_outcome(
        "the_same_key_signs_for_the_new_kernel",
        &same,
        same.text == signer && !signer.trim().is_empty(),
    );

    let removed = scenario.timed(&mut guest, "uninstalling", UNINSTALL)?;
    scenario.check_outcome(
        "uninstall_says_how_to_withdraw_the_key",
        &removed,
        removed.ok()
            && removed
                .text
                .contains("mokutil --delete /var/lib/dkms/mok.pub"),
    );
    guest.shut_down()
}

/// The kernel refuses the module, and the doctor says why and what to do.
fn refuses(scenario: &mut Scenario, guest: &mut Guest) -> Result<()> {
    let signed = guest.run("root", "modprobe atomik")?;
    scenario.check_outcome(
        "a_key_that_is_not_enrolled_is_rejected",
        &signed,
        !signed.ok() && signed.text.contains("Key was rejected by service"),
    );
    check_unsigned(scenario, guest, "without_the_key")?;
    let doctor = guest.run("alice", "atomikctl doctor")?;
    let told = doctor.text.split_once("FAILED    secure boot");
    scenario.check_outcome(
        "the_doctor_says_what_to_enrol",
        &doctor,
        !doctor.ok() && told.is_some_and(|(_, told)| told.contains(IMPORT)),
    );
    Ok(())
}

/// The kernel takes the module, which works, and the doctor is content.
fn takes(scenario: &mut Scenario, guest: &mut Guest, when: &str) -> Result<()> {
    let state = guest.run("root", STATE)?;
    let on = state.ok() && state.text.contains("   1\n") && state.text.contains("[integrity]");
    scenario.check_outcome(&format!("secure_boot_is_still_on_{when}"), &state, on);
    scenario.check_device(guest, when)?;
    scenario.check_module(guest, when)?;
    let doctor = guest.run("alice", "atomikctl doctor")?;
    scenario.check_outcome(
        &format!("the_doctor_finds_nothing_wrong_{when}"),
        &doctor,
        doctor.ok() && !doctor.text.contains("->"),
    );
    Ok(())
}

/// A module that nobody signed is refused.
fn check_unsigned(scenario: &mut Scenario, guest: &mut Guest, when: &str) -> Result<()> {
    let unsigned = guest.run("root", UNSIGNED)?;
    scenario.check_outcome(
        &format!("an_unsigned_module_is_refused_{when}"),
        &unsigned,
        !unsigned.text.contains("loaded")
            && unsigned
                .text
                .contains("Loading of unsigned module is rejected"),
    );
    Ok(())
}
