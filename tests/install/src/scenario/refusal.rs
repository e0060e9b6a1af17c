// SPDX-License-Identifier: MIT OR Apache-2.0
//! A machine on which install.sh has to refuse.

use super::{INSTALL, Scenario, files::Files, unpack};
use anyhow::Result;

/// Boots Debian's own kernel, which has no Rust.
pub fn refusal(scenario: &mut Scenario) -> Result<()> {
    let (own, old) = (scenario.release("own")?, scenario.release("old")?);
    scenario.done = vec![(own.clone(), "refusal")];
    let mut guest = scenario.boot(&own)?;
    unpack(&mut guest)?;
    let before = Files::of(&mut guest)?;
    let refused = scenario.timed(&mut guest, "installing where there is no Rust", INSTALL)?;
    let clear = refused.text.contains(&own) && refused.text.contains("Rust");
    scenario.check_outcome(
        "a_kernel_without_rust_is_refused_clearly",
        &refused,
        !refused.ok() && clear,
    );
    let after = Files::of(&mut guest)?;
    scenario.check_same("the_refusal_changes_nothing", &before, &after);

    let unknown = guest.run("alice", &format!("{INSTALL} --kernel 9.9.9-none"))?;
    scenario.check_outcome(
        "an_unknown_kernel_is_refused_with_the_known_ones",
        &unknown,
        !unknown.ok() && unknown.text.contains(&own) && unknown.text.contains(&old),
    );
    // For a kernel that can have it, while this one runs, against a build tree.
    let kdir = format!("{INSTALL} --kernel {old} --kdir /srv/metadata/{old}");
    let planned = guest.run("alice", &format!("{kdir} --dry-run"))?;
    scenario.check_outcome(
        "another_kernel_and_a_build_tree_can_be_named",
        &planned,
        planned.ok() && planned.text.contains("leave loading to the boot of"),
    );
    guest.must("root", "dpkg --remove --force-depends dkms")?;
    let told = guest.run("alice", &format!("{kdir} --no-deps"))?;
    scenario.check_outcome(
        "no_deps_names_what_is_missing",
        &told,
        !told.ok()
            && told
                .text
                .contains("apt-get install --no-install-recommends dkms"),
    );
    let absent = guest.run("alice", &kdir)?;
    scenario.check_outcome(
        "packages_that_apt_does_not_offer_are_named",
        &absent,
        !absent.ok() && absent.text.contains("apt does not offer dkms"),
    );
    guest.shut_down()
}
