// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl session exec`.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::unix::process::CommandExt;
use std::process::Command;

use atomik::session::{FD_NAME, FIRST_FD, SessionName, Sessions};
use command_fds::{CommandFdExt, FdMapping};

use crate::Global;
use crate::failure::Failure;
use crate::target::SESSION_VARIABLE;

/// Run a program with a session's device
///
/// The program gets the open file as descriptor 3, by systemd's convention: LISTEN_FDS is 1,
/// LISTEN_FDNAMES `atomik`, LISTEN_PID the program's process. With the crate,
/// `atomik::session::inherited()` takes it. $ATOMIK_SESSION names the session for `atomikctl` itself:
/// after `atomikctl session exec work -- bash`, `atomikctl read 0` reads in it.
#[derive(clap::Args)]
pub struct Args {
    /// The session's name
    name: SessionName,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Args {
    pub fn run(&self, _global: &Global) -> Result<(), Failure> {
        let device = Sessions::of_this_user()
            .and_then(|sessions| sessions.connect(&self.name))
            .map_err(|e| Failure::session(&e))?
            .into_device();
        let parent_fd = device.into_fd().map_err(|e| Failure::of(&e))?;
        let Some((program, arguments)) = self.command.split_first() else {
            return Err(Failure::usage("no program to run"));
        };
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env("LISTEN_FDS", "1")
            .env("LISTEN_FDNAMES", FD_NAME)
            // It stays the same process.
            .env("LISTEN_PID", std::process::id().to_string())
            .env(SESSION_VARIABLE, self.name.as_str())
            .fd_mappings(vec![FdMapping {
                parent_fd,
                child_fd: FIRST_FD,
            }])
            .map_err(|error| Failure::plain(&error.to_string()))?;
        let error = command.exec();
        let status = if error.kind() == ErrorKind::NotFound {
            127
        } else {
            126
        };
        let message = format!("can't run {}: {error}", program.to_string_lossy());
        Err(Failure::plain(&message).with_status(status))
    }
}
