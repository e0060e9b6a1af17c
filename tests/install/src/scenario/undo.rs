// SPDX-License-Identifier: MIT OR Apache-2.0
//! Installations that fail, are killed, or are undone.

use super::{INSTALL, Scenario, UNINSTALL, files::Files, have_metadata, unpack};
use anyhow::Result;

/// Whether rustc compiles the module; the checks ask it for its version only.
const BUILDING: &str = "grep -qsz 'module/atomi[k].rs$' /proc/[0-9]*/cmdline";

/// Points at which an installation is killed: a name, and a command that succeeds once it is
/// reached.
const POINTS: &[(&str, &str)] = &[
    ("while_dkms_adds_it", "ls -d /var/lib/dkms/atomik"),
    ("while_dkms_builds_it", BUILDING),
];

/// The point at which it is killed to be done again: the sources, the module and the files are
/// there.
const LATE: &str = "grep '^atomik:' /etc/group";

/// Runs install.sh as alice in a unit of its own, and a command of root's at the given point. Fails
/// where install.sh succeeds all the same.
fn at_point(condition: &str, then: &str) -> String {
    format!(
        r"cd /
systemd-run --quiet --scope --unit=victim su - alice -c '{INSTALL}' >/run/install.log 2>&1 &
reached=no
while kill -0 $! 2>/dev/null; do
    if {{ {condition}; }} >/dev/null 2>&1; then
        {then}
        reached=yes
        break
    fi
    sleep 0.1
done
wait $!
status=$?
cat /run/install.log
echo reached=$reached status=$status
((status != 0))"
    )
}

/// All of install.sh's processes at once, as when the machine goes off.
const KILL: &str = "systemctl kill --signal=KILL victim.scope";

/// Failed and undone installations leave the machine as it was.
pub fn undo(scenario: &mut Scenario) -> Result<()> {
    let old = scenario.release("old")?;
    let mut guest = scenario.boot(&old)?;
    unpack(&mut guest)?;
    let all_before = Files::of(&mut guest)?;
    let before = Files::few(&mut guest)?;

    let refused = guest.run("alice", "cd atomik && ./install.sh --yes")?;
    let clear = refused.text.contains("root") || refused.text.contains("sudo");
    scenario.check_outcome(
        "who_is_not_root_is_refused_clearly",
        &refused,
        !refused.ok() && clear,
    );
    let dry = guest.run(
        "alice",
        "cd atomik && sudo ./install.sh --check && sudo ./install.sh --dry-run",
    )?;
    scenario.check_outcome("check_and_dry_run_succeed", &dry, dry.ok());
    let after = Files::few(&mut guest)?;
    scenario.check_same("refusal_check_and_dry_run_change_nothing", &before, &after);

    // The disk is full before the start, and later becomes full during the build. The first file
    // takes nearly all of it at once, the second the rest, which is reserved for root.
    let fill = "fallocate -l $(($(stat -f -c '%f*%S' /))) /var/tmp/filler; \
        dd if=/dev/zero of=/var/tmp/filler-too bs=64K status=none";
    let empty = "rm -f /var/tmp/filler*";
    guest.must("root", &format!("{fill}; df /"))?;
    let full = scenario.timed(&mut guest, "installing on a full disk", INSTALL)?;
    guest.must("root", empty)?;
    let clear = full.text.contains("space") || full.text.contains("full");
    scenario.check_outcome("a_full_disk_fails_clearly", &full, !full.ok() && clear);
    let after = Files::few(&mut guest)?;
    scenario.check_same("a_full_disk_changes_nothing", &before, &after);

    scenario.say("filling the disk during the build");
    let filling = guest.run("root", &at_point(BUILDING, fill))?;
    guest.must("root", empty)?;
    let holds = filling.ok() && filling.text.contains("reached=yes");
    scenario.check_outcome("a_disk_that_fills_up_fails", &filling, holds);
    let after = Files::few(&mut guest)?;
    scenario.check_same("a_disk_that_fills_up_changes_nothing", &before, &after);

    for (point, condition) in POINTS {
        scenario.say(format_args!("killing install.sh {point}"));
        let killed = guest.run("root", &at_point(condition, KILL))?;
        let holds = killed.ok() && killed.text.contains("reached=yes");
        scenario.check_outcome(&format!("install_is_killed_{point}"), &killed, holds);
        let removed = guest.run("alice", UNINSTALL)?;
        scenario.check_outcome(
            &format!("uninstall_after_a_kill_{point}_succeeds"),
            &removed,
            removed.ok(),
        );
        have_metadata(&mut guest)?;
        let after = Files::few(&mut guest)?;
        scenario.check_same(
            &format!("uninstall_after_a_kill_{point}_restores"),
            &before,
            &after,
        );
    }

    scenario.say("killing install.sh late, to run it again");
    let killed = guest.run("root", &at_point(LATE, KILL))?;
    let holds = killed.ok() && killed.text.contains("reached=yes");
    scenario.check_outcome("install_is_killed_late", &killed, holds);
    let installed = scenario.timed(&mut guest, "installing after a kill", INSTALL)?;
    scenario.check_outcome("install_after_a_kill_succeeds", &installed, installed.ok());
    scenario.check_device(&mut guest, "after_a_kill")?;

    // A unit, since a process of the job's would keep the job from ending.
    guest.must(
        "root",
        "systemd-run --quiet --unit=holder --property=User=alice \
bash -c 'exec 3<>/dev/atomik; exec sleep infinity'
until find /proc/[0-9]*/fd -lname /dev/atomik 2>/dev/null | grep -q .; do :; done",
    )?;
    let in_use = guest.run("alice", UNINSTALL)?;
    let named = in_use.text.contains("(sleep)");
    scenario.check_outcome(
        "tables_in_use_are_named_instead_of_broken",
        &in_use,
        !in_use.ok() && named,
    );
    scenario.check_device(&mut guest, "while_tables_are_in_use")?;
    guest.must("root", "systemctl stop holder")?;

    let removed = scenario.timed(&mut guest, "uninstalling", UNINSTALL)?;
    scenario.check_outcome("uninstall_succeeds", &removed, removed.ok());
    let after = Files::of(&mut guest)?;
    scenario.check_same("uninstall_restores_the_file_system", &all_before, &after);
    guest.shut_down()
}
