// SPDX-License-Identifier: MIT OR Apache-2.0

use atomik::Device;
use atomik::session::{SessionName, Sessions};

use crate::failure::{Failure, chain};

/// The options that choose the open file whose table is replicated. It outlives this program.
#[derive(clap::Args)]
pub struct OpenFile {
    /// Work on this inherited descriptor of the device
    #[arg(long, value_name = "N", conflicts_with = "session")]
    fd: Option<i32>,
    /// Work on this session; without it and --fd, on the one that $ATOMIK_SESSION names
    #[arg(short, long, value_name = "NAME", env = "ATOMIK_SESSION")]
    session: Option<SessionName>,
}

impl OpenFile {
    pub fn open(&self) -> Result<Device, Failure> {
        if let Some(number) = self.fd {
            return Device::from_inherited(number).map_err(|error| Failure::device(&error));
        }
        let Some(name) = &self.session else {
            return Err(
                Failure::usage("which open file? Its table would end with this command")
                    .with_hint("`atomikctl session start NAME`, then -s NAME; or --fd N"),
            );
        };
        Sessions::of_this_user()
            .and_then(|sessions| sessions.connect(name))
            .map(|session| session.into_device())
            .map_err(|error| Failure::new(chain(&error)))
    }
}
