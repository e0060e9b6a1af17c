// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl session hold`.

use std::fs::OpenOptions;
use std::io::{self, Write};

use atomik::Device;
use atomik::session::{self, Holder, SessionError, SessionName, Sessions};
use nix::sys::prctl;
use nix::unistd::{dup2_stderr, dup2_stdout, setsid};

use super::descriptors::close_passed;
use crate::failure::Failure;
use crate::target::NewFile;

/// The output once the session can be used.
pub const READY: &str = "ready\n";

/// Be the process that holds a session
///
/// `session start` runs this in the background. As a service of systemd it notifies when it is
/// ready, and systemd keeps its descriptor while it is restarted: `systemctl --user start
/// atomik-session@NAME`.
#[derive(clap::Args)]
pub struct Args {
    /// The session's name
    name: SessionName,
    /// Leave the terminal
    #[arg(long, hide = true)]
    detach: bool,
    #[command(flatten)]
    target: NewFile,
}

impl Args {
    pub fn run(&self) -> Result<(), Failure> {
        let holder = self.hold().map_err(|error| match error {
            SessionError::Device(error) => Failure::device(&error),
            error => Failure::session(&error),
        })?;
        if self.detach {
            // It was started as /proc/self/exe.
            prctl::set_name(c"atomikctl").map_err(io::Error::from)?;
            // Receive no signals of the terminal, and keep no directory busy.
            setsid().map_err(io::Error::from)?;
            std::env::set_current_dir("/")?;
        }
        let mut out = io::stdout().lock();
        out.write_all(READY.as_bytes())?;
        out.flush()?;
        if self.detach {
            let null = OpenOptions::new().write(true).open("/dev/null")?;
            dup2_stderr(&null).map_err(io::Error::from)?;
            // `session start` waits until this is closed.
            dup2_stdout(&null).map_err(io::Error::from)?;
        }
        holder.serve().map_err(|error| Failure::session(&error))
    }

    fn hold(&self) -> Result<Holder, SessionError> {
        let open = || Device::open_path(&self.target.device);
        let sessions = Sessions::of_this_user()?;
        if self.detach {
            return sessions.hold(&self.name, open()?);
        }
        let passed = session::passed()?;
        let holder = sessions.hold_as_service(&self.name, open)?;
        // SAFETY: the holder uses duplicates, and this process uses nothing else.
        unsafe { close_passed(passed) };
        Ok(holder)
    }
}
