// SPDX-License-Identifier: MIT OR Apache-2.0

use atomik::Device;
use atomik::session::{SessionError, SessionName, Sessions};

use crate::failure::{Failure, chain};

/// The options that choose the open file whose table is replicated. It outlives this program.
#[derive(clap::Args)]
pub struct OpenFile {
    /// Work on this inherited descriptor of the device
    #[arg(long, value_name = "N", conflicts_with = "session")]
    fd: Option<i32>,
    /// Work on this session; without it and --fd, on the one that $ATOMIK_SESSION names
    #[arg(short, long, value_name = "NAME")]
    session: Option<SessionName>,
}

impl OpenFile {
    pub fn open(&self) -> Result<Device, Failure> {
        if let Some(number) = self.fd {
            return Device::from_inherited(number).map_err(|error| Failure::device(&error));
        }
        let failed = |error: SessionError| {
            let failure = Failure::new(chain(&error));
            match error.hint() {
                Some(hint) => failure.with_hint(hint),
                None => failure,
            }
        };
        let Some(name) = self.name().map_err(failed)? else {
            return Err(
                Failure::usage("which open file? Its table would end with this command")
                    .with_hint("`atomikctl session start NAME`, then -s NAME; or --fd N"),
            );
        };
        Sessions::of_this_user()
            .and_then(|sessions| sessions.connect(&name))
            .map(|session| session.into_device())
            .map_err(failed)
    }

    /// The session that an option names, else the environment. Empty, the variable names none.
    fn name(&self) -> Result<Option<SessionName>, SessionError> {
        match (&self.session, std::env::var_os("ATOMIK_SESSION")) {
            (Some(name), _) => Ok(Some(name.clone())),
            (None, Some(name)) if !name.is_empty() => name.to_string_lossy().parse().map(Some),
            (None, _) => Ok(None),
        }
    }
}
