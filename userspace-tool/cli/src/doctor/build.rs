// SPDX-License-Identifier: MIT OR Apache-2.0

//! Checks that the driver is built for the running kernel, and can be built again.

use super::check::Check;
use super::system::System;

pub fn headers(system: &System) -> Check {
    const NAME: &str = "headers";
    let release = system.release();
    let build = format!("/lib/modules/{release}/build");
    if system.exists(&format!("{build}/.config")) {
        return Check::ok(NAME, build);
    }
    Check::warning(
        NAME,
        format!("no {build}, so the driver can't be built again"),
        format!("apt-get install linux-headers-{release}"),
    )
}

pub fn metadata(system: &System) -> Check {
    const NAME: &str = "metadata";
    let release = system.release();
    let trees = [
        format!("/lib/modules/{release}/build"),
        format!("/var/cache/atomik/kernel/{release}"),
    ];
    for tree in trees {
        if system.exists(&format!("{tree}/rust/libkernel.rmeta")) {
            return Check::ok(NAME, format!("the kernel's Rust metadata is in {tree}"));
        }
    }
    Check::warning(
        NAME,
        "the kernel's Rust metadata is missing",
        "needed only to build the driver again; `./install.sh` rebuilds it from linux-source",
    )
}

pub fn rustc(system: &System) -> Check {
    const NAME: &str = "rustc";
    let Some(built_by) = system
        .config("CONFIG_RUSTC_VERSION_TEXT")
        .filter(|v| !v.is_empty())
    else {
        return Check::warning(
            NAME,
            "the rustc that built the kernel is unknown",
            "mend the checks of the kernel and its headers first",
        );
    };
    match &system.rustc {
        Some(ours) if *ours == built_by => Check::ok(NAME, built_by),
        ours => Check::warning(
            NAME,
            format!(
                "the kernel was built by '{built_by}', and /usr/bin/rustc is {}",
                ours.as_ref()
                    .map_or("absent".into(), |text| format!("'{text}'"))
            ),
            "install exactly that rustc before the driver is built again",
        ),
    }
}

pub fn dkms(system: &System) -> Check {
    const NAME: &str = "driver";
    let release = system.release();
    let directory = format!("/lib/modules/{release}/updates/dkms");
    let version = env!("CARGO_PKG_VERSION");
    let built = system
        .list(&directory)
        .into_iter()
        .find(|name| name.starts_with("atomik.ko"));
    match built {
        // Both the source and DKMS's record of the build must be of this version.
        Some(file)
            if system.exists(&format!("/usr/src/atomik-{version}/dkms.conf"))
                && system.exists(&format!("/var/lib/dkms/atomik/{version}/{release}")) =>
        {
            Check::ok(NAME, format!("{version}, {directory}/{file}"))
        }
        Some(file) => Check::warning(
            NAME,
            format!("{directory}/{file} isn't of this version, {version}"),
            "run install.sh of this version",
        ),
        None => Check::failed(
            NAME,
            format!("DKMS hasn't installed it for {release}"),
            format!(
                "dkms autoinstall -k {release}; if that fails, read the log that its last lines \
                 name"
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::Level;
    use super::super::system::fake::{Fake, RELEASE};
    use super::*;

    #[test]
    fn metadata_may_come_with_the_headers() {
        let fake = Fake::installed();
        fake.remove("/var/cache/atomik");
        assert_eq!(metadata(&fake.system()).level, Level::Warning);
        fake.write(
            &format!("/lib/modules/{RELEASE}/build/rust/libkernel.rmeta"),
            "",
        );
        assert_eq!(metadata(&fake.system()).level, Level::Ok);
    }

    #[test]
    fn another_rustc_is_told_beside_the_right_one() {
        let mut fake = Fake::installed();
        fake.rustc = Some("rustc 1.96.1".into());
        let check = rustc(&fake.system());
        assert_eq!(check.level, Level::Warning);
        assert!(check.found.contains("1.96.1") && check.found.contains("1.85.1"));
        fake.rustc = None;
        assert!(rustc(&fake.system()).found.contains("absent"));
    }

    #[test]
    fn a_kernel_without_the_driver_fails() {
        let fake = Fake::installed();
        fake.remove(&format!("/lib/modules/{RELEASE}/updates"));
        let check = dkms(&fake.system());
        assert_eq!(check.level, Level::Failed);
        assert!(check.remedy.unwrap().contains(RELEASE));
    }

    #[test]
    fn a_driver_of_another_version_is_a_warning() {
        let fake = Fake::installed();
        fake.remove("/var/lib/dkms/atomik");
        fake.write(
            &format!("/var/lib/dkms/atomik/0.0.1/{RELEASE}/x86_64/log"),
            "",
        );
        assert_eq!(dkms(&fake.system()).level, Level::Warning);
    }

    #[test]
    fn headers_that_are_gone_are_a_warning() {
        let fake = Fake::installed();
        fake.remove(&format!("/lib/modules/{RELEASE}/build"));
        assert_eq!(headers(&fake.system()).level, Level::Warning);
    }
}
