// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl session exec`.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::process::Command;

use atomik::Rights;
use atomik::session::{SessionError, SessionName, Sessions};

use crate::failure::Failure;
use crate::script::number::parse_u32;
use crate::target::{SESSION_VARIABLE, no_table};

/// Run a program with a session's device
///
/// The program gets the open file as descriptor 3, by systemd's convention: LISTEN_FDS is 1,
/// LISTEN_FDNAMES `atomik`, LISTEN_PID the program's process id. With the crate,
/// `atomik::session::inherited()` takes it. $ATOMIK_SESSION names the session for `atomikctl`
/// itself: after `atomikctl session exec work -- bash`, `atomikctl read 0` reads in it.
///
/// With -t or --read-only, descriptor 3 is of one table and nothing else: it makes and destroys no
/// tables, and read-only it changes nothing. $ATOMIK_SESSION is unset then; `atomikctl --fd 3 read
/// 0` reads in the table. Your own programs can still reach the session by its name, those of
/// other users can't.
#[derive(clap::Args)]
pub struct Args {
    /// The session's name
    name: SessionName,
    /// Give it one table, by its id, instead of the session's open file
    #[arg(short, long, value_name = "ID", value_parser = parse_u32)]
    table: Option<u32>,
    /// Give it one table, which it can't change; without -t, the session's only one
    #[arg(long)]
    read_only: bool,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Args {
    pub fn run(&self) -> Result<(), Failure> {
        let mut session = Sessions::of_this_user()
            .and_then(|sessions| sessions.connect(&self.name))
            .map_err(|e| Failure::session(&e))?;
        let Some((program, arguments)) = self.command.split_first() else {
            return Err(Failure::usage("no program to run"));
        };
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env(SESSION_VARIABLE, self.name.as_str());
        if self.read_only || self.table.is_some() {
            let rights = match self.read_only {
                true => Rights::ReadOnly,
                false => Rights::ReadWrite,
            };
            session = (session.export(self.table, rights)).map_err(|error| match error {
                SessionError::Device(error) => no_table(&error),
                error => Failure::session(&error),
            })?;
            command.env_remove(SESSION_VARIABLE);
        }
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
