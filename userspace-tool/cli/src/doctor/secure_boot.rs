// SPDX-License-Identifier: MIT OR Apache-2.0

//! Checks that Secure Boot doesn't keep the module out.

use super::check::Check;
use super::system::System;

const VARIABLES: &str = "/sys/firmware/efi/efivars";
const SECURE_BOOT: &str = "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
/// The vendor of shim's variables.
const SHIM: &str = "605dab50-e046-4300-abb6-3dd810dd8b23";
/// The key by which DKMS signs modules.
const KEY: &str = "/var/lib/dkms/mok.pub";

pub fn secure_boot(system: &System) -> Check {
    const NAME: &str = "secure boot";
    if !system.exists("/sys/firmware/efi") {
        return Check::ok(NAME, "off: this machine was booted without EFI");
    }
    let loaded = system.exists("/sys/module/atomik");
    match flag(system, SECURE_BOOT) {
        Some(true) if flag(system, &format!("MokSBStateRT-{SHIM}")) == Some(true) => Check::ok(
            NAME,
            "on in the firmware, but off in shim, which the kernel follows",
        ),
        Some(true) if loaded => Check::ok(NAME, "on, and the kernel took the module"),
        Some(true) => key(NAME, system),
        Some(false) => Check::ok(NAME, "off"),
        None if loaded => Check::ok(NAME, "unknown, but the kernel took the module"),
        None => Check::warning(
            NAME,
            format!("unknown, as {VARIABLES}/{SECURE_BOOT} can't be read"),
            format!("mount -t efivarfs efivarfs {VARIABLES}"),
        ),
    }
}

/// Checks whether the key is enrolled by which the module is signed.
fn key(name: &'static str, system: &System) -> Check {
    let Some(key) = system.bytes(KEY).filter(|key| !key.is_empty()) else {
        return Check::failed(
            name,
            format!("on, and DKMS has no key to sign the module with: {KEY} is missing"),
            "run install.sh again, or `dkms generate_mok`, and build the module again",
        );
    };
    if holds(system, "MokListRT", &key) == Some(true) {
        return Check::ok(name, "on, and DKMS's key is enrolled");
    }
    const CONFIRM: &str = "on the blue screen press a key, choose 'Enroll MOK', 'Continue', \
        'Yes', give the password, choose 'Reboot'";
    match holds(system, "MokNew", &key) {
        Some(true) => Check::failed(
            name,
            "on, and the request to enrol DKMS's key waits to be confirmed",
            format!("reboot; {CONFIRM}"),
        ),
        Some(false) => Check::failed(
            name,
            "on: the kernel loads only modules whose key is enrolled, and DKMS's isn't",
            format!("mokutil --import {KEY}, which asks for a new password; reboot; {CONFIRM}"),
        ),
        None => Check::failed(
            name,
            "on: DKMS's key isn't enrolled, and a request waits to be confirmed, of a key that only \
             root may see",
            format!(
                "`sudo atomikctl doctor` says whether it is that key; if so: reboot; {CONFIRM}"
            ),
        ),
    }
}

/// A variable that says yes or no.
fn flag(system: &System, variable: &str) -> Option<bool> {
    // The value comes after four bytes of attributes.
    let bytes = system.bytes(&format!("{VARIABLES}/{variable}"))?;
    bytes.get(4).map(|value| *value == 1)
}

/// Whether a list of shim's has the key; none where a part of the list is there, but this user may
/// not read it. A long list is continued in variables whose names end in a number.
fn holds(system: &System, list: &str, key: &[u8]) -> Option<bool> {
    let names = system.list(VARIABLES).into_iter().filter(|name| {
        let number = name
            .strip_prefix(list)
            .and_then(|name| name.strip_suffix(SHIM));
        number.is_some_and(|number| {
            number
                .trim_end_matches('-')
                .chars()
                .all(|c| c.is_ascii_digit())
        })
    });
    let mut complete = true;
    for name in names {
        match system.bytes(&format!("{VARIABLES}/{name}")) {
            Some(bytes) if bytes.windows(key.len()).any(|window| window == key) => {
                return Some(true);
            }
            Some(_) => (),
            None => complete = false,
        }
    }
    complete.then_some(false)
}

#[cfg(test)]
mod tests {
    use super::super::check::Level;
    use super::super::system::fake::Fake;
    use super::*;

    const ON: &str = "\x06\0\0\0\x01";
    const OFF: &str = "\x06\0\0\0\0";

    fn set(fake: &Fake, variable: &str, value: &str) {
        fake.write(&format!("{VARIABLES}/{variable}"), value);
    }

    /// A machine with Secure Boot on, whose module is not loaded.
    fn refusing() -> Fake {
        let fake = Fake::installed();
        set(&fake, SECURE_BOOT, ON);
        fake.remove("/sys/module/atomik");
        fake.write(KEY, "the key");
        fake
    }

    #[test]
    fn it_matters_only_where_it_is_on_and_the_module_is_not_loaded() {
        let fake = Fake::installed();
        set(&fake, SECURE_BOOT, ON);
        assert_eq!(secure_boot(&fake.system()).level, Level::Ok);
        fake.remove("/sys/module/atomik");
        assert_eq!(secure_boot(&fake.system()).level, Level::Failed);
        set(&fake, SECURE_BOOT, OFF);
        assert_eq!(secure_boot(&fake.system()).level, Level::Ok);
        // EFI, whose variables can't be read.
        fake.remove(&format!("{VARIABLES}/{SECURE_BOOT}"));
        assert_eq!(secure_boot(&fake.system()).level, Level::Warning);
    }

    #[test]
    fn what_is_off_in_shim_is_off() {
        let fake = refusing();
        let state = format!("MokSBStateRT-{SHIM}");
        set(&fake, &state, ON);
        assert_eq!(secure_boot(&fake.system()).level, Level::Ok);
        set(&fake, &state, OFF);
        assert_eq!(secure_boot(&fake.system()).level, Level::Failed);
    }

    #[test]
    fn each_step_of_an_enrolment_names_the_next() {
        let fake = refusing();
        let next = || secure_boot(&fake.system()).remedy.unwrap_or_default();
        fake.remove(KEY);
        assert!(next().contains("run install.sh again"), "{}", next());
        fake.write(KEY, "the key");
        set(&fake, &format!("MokListRT-{SHIM}"), "\0 another key \0");
        assert!(next().starts_with("mokutil --import /var/lib/dkms/mok.pub"));
        // A directory can't be read either: mokutil makes the variable for root alone.
        let requested = format!("MokNew-{SHIM}");
        set(&fake, &format!("{requested}/part"), "");
        assert!(next().starts_with("`sudo atomikctl doctor`"), "{}", next());
        fake.remove(&format!("{VARIABLES}/{requested}"));
        set(&fake, &requested, "\0 the key \0");
        assert!(next().starts_with("reboot"), "{}", next());
        set(&fake, &format!("MokListRT1-{SHIM}"), "\0 the key \0");
        assert_eq!(secure_boot(&fake.system()).level, Level::Ok);
    }
}
