// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl session exec`.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::process::Command;

use atomik::session::{SessionError, SessionName, Sessions};

use crate::failure::Failure;
use crate::target::SESSION_VARIABLE;

/// Run a program with a session's device
///
/// The program gets the open file as descriptor 3, by systemd's convention: LISTEN_FDS is 1,
/// LISTEN_FDNAMES `atomik`, LISTEN_PID the program's process id. With the crate,
/// `atomik::session::inherited()` takes it. $ATOMIK_SESSION names the session for `atomikctl`
/// itself: after `atomikctl session exec work -- bash`, `atomikctl read 0` reads in it.
#[derive(clap::Args)]
pub struct Args {
    /// The session's name
    name: SessionName,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Args {
    pub fn run(&self) -> Result<(), Failure> {
        let session = Sessions::of_this_user()
            .and_then(|sessions| sessions.connect(&self.name))
            .map_err(|e| Failure::session(&e))?;
        let Some((program, arguments)) = self.command.split_first() else {
            return Err(Failure::usage("no program to run"));
        };
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env(SESSION_VARIABLE, self.name.as_str());
        let error = session.exec(&mut command);
        let failure = Failure::session(&error);
        Err(match error {
            SessionError::Program { source, .. } if source.kind() == ErrorKind::NotFound => {
                failure.with_status(127)
            }
            SessionError::Program { .. } => failure.with_status(126),
            _ => failure,
        })
    }
}
