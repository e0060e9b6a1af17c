// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl session start`.

use std::io::Read;
use std::process::{Command, Stdio};

use atomik::session::SessionName;

use super::descriptors::keep_from_children;
use super::hold::READY;
use crate::failure::Failure;
use crate::global::Global;
use crate::target::NewFile;

/// Start a session
///
/// When this returns, the session can be used. It lasts until `session stop`, or until its process
/// ends.
#[derive(clap::Args)]
pub struct Args {
    /// The session's name: letters, digits, `_`, `-` and `.`
    name: SessionName,
    #[command(flatten)]
    target: NewFile,
}

impl Args {
    pub fn run(&self, global: &Global) -> Result<(), Failure> {
        let failed = |error: std::io::Error| {
            Failure::plain(&format!("can't start the session's process: {error}"))
        };
        // Its process lives on: a lock or a pipe of the caller's would live as long.
        keep_from_children().map_err(failed)?;
        // The file of this name may have been replaced meanwhile.
        let mut child = Command::new("/proc/self/exe")
            .arg("--device")
            .arg(&self.target.device)
            .args(["session", "hold", "--detach", self.name.as_str()])
            .args(global.json.then_some("--json"))
            // It is no service, and gets no descriptors, whatever this process was passed.
            .env_remove("LISTEN_PID")
            .env_remove("LISTEN_FDS")
            .env_remove("LISTEN_FDNAMES")
            .env_remove("NOTIFY_SOCKET")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let mut told = String::new();
        if let Some(mut stdout) = child.stdout.take() {
            stdout.read_to_string(&mut told).map_err(failed)?;
        }
        if told == READY {
            return Ok(());
        }
        // It has printed the reason on standard error.
        let status = child.wait().map_err(failed)?;
        let status = status.code().and_then(|code| u8::try_from(code).ok());
        Err(Failure::silent(status.filter(|&s| s != 0).unwrap_or(1)))
    }
}
