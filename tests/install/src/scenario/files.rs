// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lists of a guest's files, before and after.

use crate::guest::Guest;
use anyhow::{Result, ensure};
use std::collections::BTreeSet;

/// Paths that change anyway, with the reason.
const PASSING: &[&str] = &[
    // Logs.
    "/var/log",
    // Lists that apt fetched, and its computations from them.
    "/var/cache/apt",
    "/var/lib/apt",
    // When timers ran; the seed of the random numbers.
    "/var/lib/systemd",
    "/var/tmp",
    // DKMS's own key, which it makes at the first build of any module and which may be enrolled for
    // others.
    "/var/lib/dkms/mok.key",
    "/var/lib/dkms/mok.pub",
    // Backups of dpkg and of the tools that change users and groups.
    "/var/lib/dpkg/status-old",
    "/etc/group-",
    "/etc/gshadow-",
    "/etc/passwd-",
    "/etc/shadow-",
    // Things of the image for these tests.
    "/srv",
    // The kernels' metadata, which is put there beforehand; that it goes is a claim of its own.
    "/var/cache/atomik",
];

/// Directories of which a whole list is made only once before and once after.
const BULK: &[&str] = &[
    "/usr/share",
    "/usr/src/linux-*",
    "/usr/lib/gcc",
    "/usr/lib/llvm-*",
    "/usr/lib/python3*",
    "/usr/lib/rustlib",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/modules/*/kernel",
];

/// The guest's files: type, mode, owner, size, name, target; and sums of those that configure it.
pub struct Files(BTreeSet<String>);

impl Files {
    /// Lists all of them.
    pub fn of(guest: &mut Guest) -> Result<Self> {
        Files::without(guest, &[])
    }

    /// Lists all but those that packages bring in thousands, which under emulation takes half a
    /// minute.
    pub fn few(guest: &mut Guest) -> Result<Self> {
        Files::without(guest, BULK)
    }

    fn without(guest: &mut Guest, more: &[&str]) -> Result<Self> {
        let pruned: Vec<String> = PASSING
            .iter()
            .chain(more)
            .map(|path| format!("-path '{path}'"))
            .collect();
        // By way of a file, as a port takes long for many small pieces.
        let script = format!(
            r"set -e
find / -xdev \( {} \) -prune -o \( -type f -printf 'f %m %u:%g %s %p\n' \
    -o -type l -printf 'l %u:%g %p -> %l\n' -o -printf '%y %m %u:%g %p\n' \) >/run/files
find /etc /usr/lib/modules/*/modules.* /var/lib/dpkg/status -type f ! -name '*-' \
    -exec sha256sum {{}} + >>/run/files
cat /run/files >&4",
            pruned.join(" -o ")
        );
        let text = String::from_utf8(guest.data(&script)?)?;
        let files: BTreeSet<String> = text.lines().map(str::to_owned).collect();
        // Otherwise two failures would look the same.
        ensure!(files.len() > 2_000, "a list of only {} files", files.len());
        Ok(Files(files))
    }

    pub fn changes(&self, after: &Files) -> Vec<String> {
        let gone = self.0.difference(&after.0).map(|line| format!("- {line}"));
        let new = after.0.difference(&self.0).map(|line| format!("+ {line}"));
        gone.chain(new).collect()
    }
}
