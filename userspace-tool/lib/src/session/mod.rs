// SPDX-License-Identifier: MIT OR Apache-2.0

//! Sessions: tables that live as long as their user wants, not as long as one process.
//!
//! A [`Holder`] keeps a descriptor of the device and listens on a unix socket in a directory of its
//! user; [`Sessions::connect`] gets the descriptor from it (`SCM_RIGHTS`). Each side asks the
//! kernel for the other's user (`SO_PEERCRED`), and serves only the same user and root. `atomikctl
//! session start NAME` runs a holder in a process of its own. systemd can run one as a user
//! service, `atomik-session@NAME.service`, and keeps the descriptor while it is restarted.
//!
//! Some calls wait for another process: [`Sessions::connect`], [`Sessions::stop`] and
//! [`OpenFile::device`] for the holder, at most 10 seconds for each step; [`Holder::serve`] for
//! clients. Under an async runtime these belong on a thread for blocking work. Operations on a
//! table never wait for another process.

mod connected;
mod error;
mod holder;
mod message;
mod name;
mod raw;
mod same_file;
mod sessions;
mod survey;
mod systemd;

pub use connected::Session;
pub use error::{Result, SessionError};
pub use holder::Holder;
pub use name::SessionName;
pub use sessions::Sessions;
pub use survey::OpenFile;
pub use systemd::{FD_NAME, FIRST_FD, inherited, passed};
