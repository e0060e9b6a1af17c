// SPDX-License-Identifier: MIT OR Apache-2.0
//! Programs from start to end, as in a shell: `atomikctl read`, and one that does nothing.

use crate::block::Case;
use anyhow::{Context, Result, ensure};
use atomik_test_support::raw::open_device;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::process::{Command, Stdio};

/// Path of the programs that are there to be measured.
const ATOMIKCTL: &str = "/usr/bin/atomikctl";
const TRUE: &str = "/usr/lib/atomik/true";

pub fn all() -> Result<Vec<Case>> {
    if ![ATOMIKCTL, TRUE]
        .iter()
        .all(|path| Path::new(path).exists())
    {
        return Ok(Vec::new());
    }
    let file = open_device();
    file.create(16)?;
    // SAFETY: a new descriptor, which nobody else has. Unlike the original, programs inherit it.
    let inherited = unsafe { OwnedFd::from_raw_fd(nix::libc::dup(file.0.as_raw_fd())) };
    let number = inherited.as_raw_fd().to_string();
    // For as long as this process.
    std::mem::forget(inherited);

    // It ends with the guest.
    for words in [&["session", "start", "s"][..], &["-s", "s", "create", "16"]] {
        // Standard output is the report's.
        let made = atomikctl(words).stdout(Stdio::null()).status();
        let made = made.context(ATOMIKCTL)?;
        ensure!(made.success(), "atomikctl {words:?}: {made}");
    }
    Ok(vec![
        program("command/true", Command::new(TRUE)),
        program("command/version", atomikctl(&["--version"])),
        program(
            "command/read-fd",
            atomikctl(&["--fd", &number, "read", "0"]),
        ),
        program("command/read-session", atomikctl(&["-s", "s", "read", "0"])),
    ])
}

fn atomikctl(words: &[&str]) -> Command {
    let mut command = Command::new(ATOMIKCTL);
    command.args(words).env("XDG_RUNTIME_DIR", "/tmp");
    command
}

fn program(id: &str, mut command: Command) -> Case {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    Case::new(id, 1, 1, move |_| {
        let status = command.status().expect("run the program");
        assert!(status.success(), "{command:?}: {status}");
    })
}
