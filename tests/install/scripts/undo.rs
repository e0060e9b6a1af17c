// SPDX-License-Identifier: MIT OR Apache-2.0
//! An installation that was killed is taken back, whatever the clock says.

use crate::debian::must;

/// A machine with atomik, and the leftovers of a killed installation: a file of its own, and one
/// that it replaced, in a journal whose first line is `run`, and which is older than the last
/// success.
fn killed(run: &str) -> String {
    format!(
        "kernel 7.3.4-known
./install.sh --yes --kernel 7.3.4-known >/dev/null 2>&1
cd /var/lib/atomik
mkdir undo
echo new >/etc/atomik-replaced
echo old >undo/backup
touch /etc/atomik-made
{{ {run}; printf '%s\\t%s\\t%s\\n' made /etc/atomik-made '' replaced /etc/atomik-replaced $PWD/undo/backup; }} \\
    >journal
touch -d yesterday journal
cd ~alice/atomik
./install.sh --yes --kernel 7.3.4-known
ls /var/lib/atomik
cat /etc/atomik-replaced
ls /etc/atomik-made || true"
    )
}

#[test]
fn a_killed_run_is_taken_back_after_the_clock_was_set_back() {
    let text = must(&killed("printf 'run\\tanother\\n'"));
    assert!(text.ends_with(
        "\nmanifest\nold\nls: cannot access '/etc/atomik-made': No such file or directory\n"
    ));
}

#[test]
fn a_journal_of_an_older_install_sh_is_taken_back() {
    let text = must(&killed("true"));
    assert!(text.ends_with(
        "\nmanifest\nold\nls: cannot access '/etc/atomik-made': No such file or directory\n"
    ));
}

#[test]
fn a_run_that_had_ended_well_is_not() {
    let text = must(&killed("grep '^run' manifest"));
    assert!(text.ends_with("\nmanifest\nnew\n/etc/atomik-made\n"));
}
