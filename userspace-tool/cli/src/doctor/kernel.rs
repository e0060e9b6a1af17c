// SPDX-License-Identifier: MIT OR Apache-2.0

//! Checks that the running kernel can load the driver at all.

use super::check::Check;
use super::system::System;

/// The first release whose `kernel` crate has what the driver needs.
const MINIMUM: (u32, u32) = (7, 2);

const REMEDY: &str = if cfg!(target_arch = "aarch64") {
    "install a kernel that can load it, such as linux-image-arm64 of Debian's trixie-backports \
     with its linux-headers-arm64, and reboot"
} else {
    "install a kernel that can load it, such as linux-image-amd64 of Debian's trixie-backports \
     with its linux-headers-amd64, and reboot"
};

pub fn kernel(system: &System) -> Check {
    const NAME: &str = "kernel";
    let release = system.release();
    match series(&release) {
        None => return Check::failed(NAME, format!("'{release}' isn't a release"), REMEDY),
        Some(series) if series < MINIMUM => {
            return Check::failed(NAME, format!("{release} is older than 7.2"), REMEDY);
        }
        Some(_) => {}
    }
    match system.config("CONFIG_RUST").as_deref() {
        Some("y") => Check::ok(NAME, release),

        None => Check::warning(
            NAME,
            format!("{release}, whose configuration can't be found"),
            format!("install its headers: linux-headers-{release}"),
        ),
        Some(_) => Check::failed(
            NAME,
            format!("{release} is built without Rust (CONFIG_RUST)"),
            REMEDY,
        ),
    }
}

/// The series of a release, such as 7.3 of 7.3.4+deb13-amd64.
fn series(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::super::check::Level;
    use super::super::system::fake::{Fake, RELEASE};
    use super::*;

    #[test]
    fn series_compare_as_numbers() {
        assert_eq!(series(RELEASE), Some((7, 3)));
        assert!(series("7.10.0-rc1").unwrap() > MINIMUM);
        assert!(series("6.12.107+deb13-amd64").unwrap() < MINIMUM);
        assert_eq!(series(""), None);
    }

    #[test]
    fn old_kernels_and_kernels_without_rust_fail() {
        let fake = Fake::installed();
        fake.write(&format!("/lib/modules/{RELEASE}/build/.config"), "X=y");
        assert_eq!(kernel(&fake.system()).level, Level::Failed);
        fake.write("/proc/sys/kernel/osrelease", "6.12.107+deb13-amd64");
        let check = kernel(&fake.system());
        assert!(check.found.contains("older than 7.2"), "{check:?}");
    }

    #[test]
    fn an_unknown_configuration_is_a_warning() {
        let fake = Fake::installed();
        fake.remove(&format!("/lib/modules/{RELEASE}"));
        assert_eq!(kernel(&fake.system()).level, Level::Warning);
    }
}
