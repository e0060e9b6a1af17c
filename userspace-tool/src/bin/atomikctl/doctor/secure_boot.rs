// SPDX-License-Identifier: MIT OR Apache-2.0

//! Whether Secure Boot keeps the module out.

use super::check::Check;
use super::system::System;

const VARIABLE: &str = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";

pub fn secure_boot(system: &System) -> Check {
    const NAME: &str = "secure boot";
    // Four bytes of attributes, then the value.
    let on = system.bytes(VARIABLE).is_some_and(|b| b.get(4) == Some(&1));
    if !on {
        return Check::ok(NAME, "off");
    }
    if system.exists("/sys/module/atomik") {
        return Check::ok(NAME, "on, and the kernel took the module");
    }
    Check::warning(
        NAME,
        "on: the kernel loads only modules whose key is enrolled",
        "mokutil --import /var/lib/dkms/mok.pub, reboot, and choose 'Enroll MOK'",
    )
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
    }
}
