// SPDX-License-Identifier: MIT OR Apache-2.0

//! Sessions: tables that live as long as their user wants, not as long as one process.
//!
//! A [`Holder`] keeps a descriptor of the device and listens on a unix socket in a directory of
//! its user's; [`Sessions::connect`] gets the descriptor from it (`SCM_RIGHTS`). Each side asks the
//! kernel who the other is (`SO_PEERCRED`), and talks to the same user and to root only. `atomikctl
//! session start NAME` runs a holder in a process of its own; systemd can run one as a user
//! service, `atomik-session@NAME.service`, and keeps the descriptor while that is restarted.
//!
//! What waits for another process says so: [`Sessions::connect`] and [`Sessions::stop`] wait for the
//! holder, 10 seconds at most, [`Holder::serve`] for clients. Under an async runtime these belong on
//! a thread for blocking work; operations on a table never wait for another process.

mod error;
mod holder;
mod message;
mod name;
mod sessions;
mod survey;
mod systemd;

pub use error::{Result, SessionError};
pub use holder::Holder;
pub use name::SessionName;
pub use sessions::Sessions;
pub use survey::OpenFile;
pub use systemd::{FD_NAME, FIRST_FD, inherited};

use crate::Device;

/// A session of this user: the device, from its holder.
#[derive(Debug)]
pub struct Session {
    name: SessionName,
    device: Device,
    pid: i32,
}

impl Session {
    /// The session's name.
    pub fn name(&self) -> &SessionName {
        &self.name
    }

    /// The process that holds it.
    pub fn holder(&self) -> i32 {
        self.pid
    }

    /// The device: the tables in it are the session's.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Takes the device; the tables stay as long as it is open, also without the holder.
    pub fn into_device(self) -> Device {
        self.device
    }
}
