// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Exec`]: runs a command for each change.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus};

use crate::changes::Change;
use crate::failure::Failure;
use crate::format::Format;
use crate::global::Global;
use crate::output::count;

/// A command that is run for each change, one after the other.
pub struct Exec<'a> {
    words: &'a [OsString],
    table: u32,
    format: Format,
    global: &'a Global,
    ran: usize,
    failed: usize,
}

impl<'a> Exec<'a> {
    pub fn new(words: &'a [OsString], table: u32, format: Format, global: &'a Global) -> Self {
        Self {
            words,
            table,
            format,
            global,
            ran: 0,
            failed: 0,
        }
    }

    /// Runs it to its end, and tells where it fails.
    pub fn run(&mut self, change: Change) -> Result<(), Failure> {
        let Some((program, arguments)) = self.words.split_first() else {
            return Err(Failure::usage("no command to run"));
        };
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env("ATOMIK_TABLE", self.table.to_string())
            .env("ATOMIK_ADDR", change.addr.to_string())
            .env("ATOMIK_AFTER", self.format.value(change.after));
        match change.before {
            Some(before) => command.env("ATOMIK_BEFORE", self.format.value(before)),
            None => command.env_remove("ATOMIK_BEFORE"),
        };
        let status = command.status().map_err(|error| {
            let failure = Failure::plain(&format!(
                "can't run {}: {error}",
                Path::new(program).display()
            ));
            match error.kind() {
                ErrorKind::NotFound => failure.with_status(127),
                _ => failure.with_status(126),
            }
        })?;
        self.ran += 1;
        if !status.success() {
            self.failed += 1;
            let (addr, how) = (change.addr, how(status));
            self.global
                .say(format_args!("the command for address {addr} {how}"));
        }
        Ok(())
    }

    /// Fails where a command has.
    pub fn end(&self) -> Result<(), Failure> {
        match self.failed {
            0 => Ok(()),
            failed => Err(Failure::plain(&format!(
                "{failed} of {} failed",
                count(self.ran, "command", "commands")
            ))),
        }
    }
}

/// The end of a program that failed.
fn how(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with status {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => status.to_string(),
    }
}
