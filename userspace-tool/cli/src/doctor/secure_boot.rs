// SPDX-License-Identifier: MIT OR Apache-2.0

//! Checks that Secure Boot doesn't keep the module out.

use super::check::Check;
use super::system::System;

const VARIABLE: &str = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";

pub fn secure_boot(system: &System) -> Check {
    const NAME: &str = "secure boot";
    if !system.exists("/sys/firmware/efi") {
        return Check::ok(NAME, "off: this machine was booted without EFI");
    }
    let loaded = system.exists("/sys/module/atomik");
    // The value comes after four bytes of attributes.
    match system.bytes(VARIABLE).as_deref().and_then(|b| b.get(4)) {
        Some(1) if loaded => Check::ok(NAME, "on, and the kernel took the module"),
        Some(1) => Check::warning(
            NAME,
            "on: the kernel loads only modules whose key is enrolled",
            "mokutil --import /var/lib/dkms/mok.pub, reboot, and choose 'Enroll MOK'",
        ),
        Some(_) => Check::ok(NAME, "off"),
        None if loaded => Check::ok(NAME, "unknown, but the kernel took the module"),
        None => Check::warning(
            NAME,
            format!("unknown, as {VARIABLE} can't be read"),
            "mount -t efivarfs efivarfs /sys/firmware/efi/efivars",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::Level;
    use super::super::system::fake::Fake;
    use super::*;

    #[test]
    fn it_matters_only_where_it_is_on_and_the_module_is_not_loaded() {
        let fake = Fake::installed();
        fake.write(VARIABLE, "\x06\0\0\0\x01");
        assert_eq!(secure_boot(&fake.system()).level, Level::Ok);
        fake.remove("/sys/module/atomik");
        assert_eq!(secure_boot(&fake.system()).level, Level::Warning);
        fake.write(VARIABLE, "\x06\0\0\0\0");
        assert_eq!(secure_boot(&fake.system()).level, Level::Ok);
        // EFI, whose variables can't be read.
        fake.remove(VARIABLE);
        assert_eq!(secure_boot(&fake.system()).level, Level::Warning);
    }
}
