// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Teller`]: tells of changes, and waits for them.

use std::io::{self, ErrorKind, stdout};
use std::os::fd::AsFd;
use std::rc::Rc;
use std::time::Instant;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use serde::Serialize;

use super::ends::Ends;
use super::exec::Exec;
use super::patient::Patient;
use crate::changes::{Change, Changes};
use crate::failure::Failure;
use crate::format::{Format, hex};
use crate::output::Output;

/// A way in which changes are told.
pub enum Teller<'a> {
    Print(Print),
    Run(Exec<'a>),
}

/// Lines on standard output. Signals wait until what has changed is printed.
pub struct Print {
    table: u32,
    format: Format,
    ends: Rc<Ends>,
    out: Output<Patient>,
}

#[derive(Serialize)]
struct Row {
    table: u32,
    addr: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    value: u64,
    hex: String,
}

impl Teller<'_> {
    /// Sleeps until one of `watched` has something to tell, a signal has come, or `until`. Returns
    /// true where a signal has come. Fails where the reader has closed the output.
    pub fn wait(&self, watched: &[Changes], until: Option<Instant>) -> Result<bool, Failure> {
        let stdout = stdout();
        let mut fds = vec![];
        if let Self::Print(print) = self {
            // Of the output, its closing alone.
            fds.push(PollFd::new(stdout.as_fd(), PollFlags::empty()));
            fds.push(PollFd::new(print.ends.as_fd(), PollFlags::POLLIN));
        }
        let own = fds.len();
        let changes = watched.iter().map(|changes| changes.as_fd());
        fds.extend(changes.map(|fd| PollFd::new(fd, PollFlags::POLLIN)));
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        match ppoll(&mut fds, left.map(TimeSpec::from_duration), None) {
            Ok(_) => {}
            Err(Errno::EINTR) => return Ok(false),
            Err(errno) => return Err(Failure::plain(&format!("can't wait for changes: {errno}"))),
        }
        match fds.get(..own) {
            Some([output, _]) if output.any() == Some(true) => {
                Err(io::Error::from(ErrorKind::BrokenPipe).into())
            }
            Some([_, ends]) => Ok(ends.any() == Some(true)),
            _ => Ok(false),
        }
    }

    pub fn tell(&mut self, change: Change) -> Result<(), Failure> {
        match self {
            Self::Print(print) => print.line(change),
            Self::Run(exec) => exec.run(change),
        }
    }

    /// Sees to it that all is told.
    pub fn flush(&mut self) -> Result<(), Failure> {
        match self {
            Self::Print(print) => print.out.flush(),
            Self::Run(_) => Ok(()),
        }
    }

    /// Lets signals that have come end the program; where they are ignored, it returns.
    pub fn obey(&self) -> Result<(), Failure> {
        match self {
            Self::Print(print) => Ok(print.ends.obey()?),
            Self::Run(_) => Ok(()),
        }
    }

    /// Fails where a command has failed.
    pub fn end(&self) -> Result<(), Failure> {
        match self {
            Self::Print(_) => Ok(()),
            Self::Run(exec) => exec.end(),
        }
    }
}

impl Print {
    pub fn new(table: u32, format: Format, json: bool) -> Result<Self, Failure> {
        let ends = Ends::new()
            .map(Rc::new)
            .map_err(|error| Failure::plain(&format!("can't wait for signals: {error}")))?;
        Ok(Self {
            table,
            format,
            out: Output::to(Patient(Rc::clone(&ends)), json),
            ends,
        })
    }

    fn line(&mut self, change: Change) -> Result<(), Failure> {
        let Change {
            addr,
            before,
            after,
        } = change;
        let row = Row {
            table: self.table,
            addr,
            before: before.map(hex),
            value: after,
            hex: hex(after),
        };
        let before = before.map_or_else(String::new, |before| self.format.value(before) + " ");
        let after = self.format.value(after);
        self.out
            .record(&row, format_args!("{addr} {before}{after}"))
    }
}
