// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Session`]: a session whose device this process shares.

use std::os::unix::process::CommandExt;
use std::process::Command;

use command_fds::{CommandFdExt, FdMapping};

#[cfg(doc)]
use super::inherited;
use super::{FD_NAME, FIRST_FD, Result, SessionError, SessionName};
use crate::{Device, Rights};

/// A session of this user, with the device that its holder keeps.
#[derive(Debug)]
pub struct Session {
    pub(super) name: SessionName,
    pub(super) device: Device,
    pub(super) pid: Option<i32>,
}

impl Session {
    /// The session's name.
    pub fn name(&self) -> &SessionName {
        &self.name
    }

    /// The process id of the holder; none where it is in a PID namespace that this process doesn't
    /// see, such as a container's.
    pub fn holder(&self) -> Option<i32> {
        self.pid
    }

    /// The device: the tables in it are the session's.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The session as a program may use it that gets one table only, with these rights: its
    /// [`device`](Self::device) is that table, [exported](crate::TableRef::export). Without a
    /// table's id it is the session's only one.
    ///
    /// # Errors
    ///
    /// [`SessionError::Device`] where there is no such table, where there are none or several to
    /// choose from, or where it can't be exported.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use atomik::{Rights, session::Sessions};
    ///
    /// let session = Sessions::of_this_user()?.connect(&"work".parse()?)?;
    /// let reader = session.export(Some(1), Rights::ReadOnly)?;
    /// return Err(reader.exec(&mut std::process::Command::new("reader")));
    /// # #[allow(unreachable_code)]
    /// # Ok::<(), atomik::session::SessionError>(())
    /// ```
    pub fn export(self, table: Option<u32>, rights: Rights) -> Result<Self> {
        let table = match table {
            Some(id) => self.device.table(id)?,
            None => self.device.only_table()?,
        };
        let device = table.export(rights)?;
        Ok(Self { device, ..self })
    }

    /// Replaces the program of this process by `command`, which gets the device as descriptor
    /// [`FIRST_FD`], by systemd's convention: `LISTEN_FDS`, `LISTEN_FDNAMES` and `LISTEN_PID`
    /// announce it, and [`inherited`] finds it. Returns only where that fails.
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
            // exec keeps the process id.
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

    /// Returns the device. Its tables stay as long as it is open, even if the holder ends.
    pub fn into_device(self) -> Device {
        self.device
    }
}
