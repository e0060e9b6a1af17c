// SPDX-License-Identifier: MIT OR Apache-2.0

//! Sessions: tables that live as long as their user wants, not as long as one process.
//!
//! A [`Holder`] keeps a descriptor of the device and listens on a unix socket in a directory of
//! its user's; [`Sessions::connect`] gets the descriptor from it (`SCM_RIGHTS`). Each side asks the
//! kernel who the other is (`SO_PEERCRED`), and talks to the same user and to root only. `atomikctl
//! session start NAME` runs a holder in a process of its own; systemd can run one as a user
//! service, `atomik-session@NAME.service`, and keeps the descriptor while that is restarted.
//!
//! What waits for another process says so: [`Sessions::connect`], [`Sessions::stop`] and
//! [`OpenFile::device`] wait for the holder, 10 seconds at most for each step, [`Holder::serve`] for
//! clients. Under an async runtime these belong on a thread for blocking work; operations on a table
//! never wait for another process.

mod error;
mod holder;
mod message;
mod name;
mod raw;
mod same_file;
mod sessions;
mod survey;
mod systemd;

use std::os::unix::process::CommandExt;
use std::process::Command;

use command_fds::{CommandFdExt, FdMapping};

pub use error::{Result, SessionError};
pub use holder::Holder;
pub use name::SessionName;
pub use sessions::Sessions;
pub use survey::OpenFile;
pub use systemd::{FD_NAME, FIRST_FD, inherited, passed};

use crate::Device;

/// A session of this user: the device, from its holder.
#[derive(Debug)]
pub struct Session {
    name: SessionName,
    device: Device,
    pid: Option<i32>,
}

impl Session {
    /// The session's name.
    pub fn name(&self) -> &SessionName {
        &self.name
    }

    /// The process that holds it; none where it is in a PID namespace that this process doesn't
    /// see, that of a container, say.
    pub fn holder(&self) -> Option<i32> {
        self.pid
    }

    /// The device: the tables in it are the session's.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Has `command` replace the program of this process, with the device as descriptor
    /// [`FIRST_FD`], by systemd's convention: `LISTEN_FDS`, `LISTEN_FDNAMES` and `LISTEN_PID` announce
    /// it, and [`inherited`] finds it. Returns only where that fails.
    ///
    /// # Errors
    ///
    /// [`SessionError::Program`] where the program can't be run; [`SessionError::Device`],
    /// [`SessionError::Os`] where the descriptor can't be handed over.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use atomik::session::Sessions;
    ///
    /// let session = Sessions::of_this_user()?.connect(&"work".parse()?)?;
    /// return Err(session.exec(std::process::Command::new("worker").arg("--fast")));
    /// # #[allow(unreachable_code)]
    /// # Ok::<(), atomik::session::SessionError>(())
    /// ```
    #[must_use = "where this returns, the program has not been run"]
    pub fn exec(self, command: &mut Command) -> SessionError {
        let parent_fd = match self.device.into_fd() {
            Ok(fd) => fd,
            Err(error) => return error.into(),
        };
        let mappings = vec![FdMapping {
            parent_fd,
            child_fd: FIRST_FD,
        }];
        command
            .env("LISTEN_FDS", "1")
            .env("LISTEN_FDNAMES", FD_NAME)
            // It stays the same process.
            .env("LISTEN_PID", std::process::id().to_string());
        if let Err(error) = command.fd_mappings(mappings) {
            return SessionError::Os {
                step: "handing over the descriptor",
                source: std::io::Error::other(error),
            };
        }
        let source = command.exec();
        SessionError::Program {
            program: command.get_program().into(),
            source,
        }
    }

    /// Takes the device; the tables stay as long as it is open, also without the holder.
    pub fn into_device(self) -> Device {
        self.device
    }
}
