// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl session stop`.

use atomik::session::{SessionName, Sessions};

use crate::failure::Failure;

/// Stop sessions
///
/// Their tables end when no other process has the descriptor any more. The socket of a session
/// whose process has ended is removed.
#[derive(clap::Args)]
pub struct Args {
    /// The sessions' names
    #[arg(required = true)]
    names: Vec<SessionName>,
}

impl Args {
    pub fn run(&self) -> Result<(), Failure> {
        let sessions = Sessions::of_this_user().map_err(|e| Failure::session(&e))?;
        for name in &self.names {
            sessions.stop(name).map_err(|e| Failure::session(&e))?;
        }
        Ok(())
    }
}
