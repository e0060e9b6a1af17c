// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl doctor`: checks the installation, and says how to mend it.

use std::path::PathBuf;

use crate::failure::Failure;
use crate::global::Global;
use crate::output::Output;

mod access;
mod build;
mod check;
mod kernel;
mod module;
mod secure_boot;
mod system;

use check::{Check, Level};
use system::System;

/// Check the installation, and say how to mend it
///
/// Checks the kernel, the driver that DKMS built for it, the device and its permissions. The exit
/// status is 1 where a check failed.
#[derive(clap::Args)]
pub struct Args {
    /// Check the system below this directory
    #[arg(long, hide = true, value_name = "DIRECTORY", default_value = "/")]
    root: PathBuf,
}

impl Args {
    pub fn run(&self, global: &Global) -> Result<(), Failure> {
        let checks = examine(&System::at(&self.root));
        let mut out = Output::new(global.json);
        out.whole(&checks, checks.iter().flat_map(Check::lines))?;
        out.flush()?;
        let failed = checks.iter().filter(|c| c.level == Level::Failed).count();
        if failed > 0 {
            return Err(Failure::unsound(failed, checks.len()));
        }
        Ok(())
    }
}

/// All checks, in the order in which faults are best mended.
fn examine(system: &System) -> Vec<Check> {
    vec![
        kernel::kernel(system),
        build::headers(system),
        build::metadata(system),
        build::rustc(system),
        build::dkms(system),
        secure_boot::secure_boot(system),
        module::loaded(system),
        module::limit(system),
        access::rule(system),
        access::device(system),
        access::group(system),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use system::fake::Fake;

    fn levels(fake: &Fake) -> Vec<(&'static str, Level)> {
        let checks = examine(&fake.system());
        checks.iter().map(|c| (c.name, c.level)).collect()
    }

    #[test]
    fn a_sound_installation_passes() {
        let fake = Fake::installed();
        for (name, level) in levels(&fake) {
            assert_eq!(level, Level::Ok, "{name}");
        }
    }

    #[test]
    fn an_empty_machine_fails_without_a_panic() {
        let fake = Fake::empty();
        let levels = levels(&fake);
        assert!(levels.contains(&("kernel", Level::Failed)));
        assert!(levels.contains(&("device", Level::Failed)));
    }

    #[test]
    fn every_fault_has_a_remedy() {
        for check in examine(&Fake::empty().system()) {
            assert_eq!(
                check.remedy.is_none(),
                check.level == Level::Ok,
                "{check:?}"
            );
        }
    }

    #[test]
    fn json_names_levels_and_remedies() {
        let json = serde_json::to_value(examine(&Fake::empty().system())).unwrap();
        assert_eq!(json[0]["check"], "kernel");
        assert_eq!(json[0]["level"], "failed");
        assert!(json[0]["remedy"].is_string());
    }
}
