// SPDX-License-Identifier: MIT OR Apache-2.0
//! Machines on which no metadata has to be rebuilt: where the headers have it, and where a build
//! tree is named.

use super::upgrade::uninstall;
use super::{INSTALL, Scenario, UNINSTALL, unpack};
use crate::guest::Guest;
use anyhow::{Result, ensure};

pub fn metadata(scenario: &mut Scenario) -> Result<()> {
    let release = scenario.release("old")?;
    let headers = format!("/usr/src/linux-headers-{release}");
    let built = format!("/srv/metadata/{release}");
    let mut guest = scenario.boot(&release)?;
    unpack(&mut guest)?;
    // Arch's and Fedora's headers have these files. There is no source from which they could be
    // rebuilt, and what has been rebuilt goes.
    guest.must(
        "root",
        &format!(
            "set -ex; rm -r /var/cache/atomik; [ ! -e /usr/src/linux-source-* ]
             mkdir {headers}/rust; cp {built}/rust/*.rmeta {built}/rust/*.so {headers}/rust
             cp {built}/scripts/target.json {headers}/scripts"
        ),
    )?;
    installed(scenario, &mut guest, INSTALL, "by_headers_that_have_it")?;
    let removed = scenario.timed(&mut guest, "uninstalling", UNINSTALL)?;
    scenario.check_outcome("it_is_uninstalled", &removed, removed.ok());

    let lacking = format!("rm -r {headers}/rust {headers}/scripts/target.json");
    guest.must("root", &lacking)?;
    let refused = guest.run("alice", INSTALL)?;
    scenario.check_outcome(
        "headers_without_it_are_noticed",
        &refused,
        !refused.ok() && refused.text.contains("apt does not offer"),
    );
    let kdir = format!("{INSTALL} --kdir {built}");
    installed(scenario, &mut guest, &kdir, "by_a_build_tree")?;
    uninstall(scenario, guest)
}

/// Installs by the given call, which is to rebuild nothing.
fn installed(scenario: &mut Scenario, guest: &mut Guest, call: &str, how: &str) -> Result<()> {
    let installed = scenario.timed(guest, &format!("installing {how}"), call)?;
    scenario.check_outcome(&format!("it_installs_{how}"), &installed, installed.ok());
    ensure!(installed.ok(), "there is nothing installed to go on with");
    let cache = guest.run("root", "[ ! -e /var/cache/atomik ]")?;
    scenario.check_outcome(
        &format!("nothing_is_rebuilt_{how}"),
        &installed,
        cache.ok() && !installed.text.contains("rebuild"),
    );
    scenario.check_device(guest, how)?;
    scenario.check_module(guest, how)
}
