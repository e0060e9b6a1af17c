// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl session hold`.

use std::fs::OpenOptions;
use std::io::{self, Write};

use atomik::Device;
use atomik::session::{SessionError, SessionName, Sessions};

use crate::Global;
use crate::failure::Failure;

/// What is printed when the session can be used.
pub const READY: &str = "ready\n";

/// Be the process that holds a session
///
/// `session start` runs this in the background. As a service of systemd it notifies that it is
/// ready, and has its descriptor kept while it is restarted: `systemctl --user start
/// atomik-session@NAME`.
#[derive(clap::Args)]
pub struct Args {
    /// The session's name
    name: SessionName,
    /// Leave the terminal
    #[arg(long, hide = true)]
    detach: bool,
}

impl Args {
    pub fn run(&self, global: &Global) -> Result<(), Failure> {
        let device = &global.target.device;
        let holder = Sessions::of_this_user()
            .and_then(|sessions| sessions.hold_as_service(&self.name, || Device::open_path(device)))
            .map_err(|error| match error {
                SessionError::Device(error) => Failure::device(&error),
                error => Failure::session(&error),
            })?;
        if self.detach {
            // It was started by another name, /proc/self/exe.
            rustix::thread::set_name(c"atomikctl").map_err(io::Error::from)?;
            // Signals of the terminal are for what runs in it, and no directory is kept busy.
            rustix::process::setsid().map_err(io::Error::from)?;
            std::env::set_current_dir("/")?;
        }
        let mut out = io::stdout().lock();
        out.write_all(READY.as_bytes())?;
        out.flush()?;
        if self.detach {
            let null = OpenOptions::new().write(true).open("/dev/null")?;
            rustix::stdio::dup2_stderr(&null).map_err(io::Error::from)?;
            // Who started this waits until this is closed.
            rustix::stdio::dup2_stdout(&null).map_err(io::Error::from)?;
        }
        holder.serve().map_err(|error| Failure::session(&error))
    }
}
