// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`SessionError`]: why a session can't be had.

use std::io;
use std::path::PathBuf;

/// A result with a [`SessionError`].
pub type Result<T, E = SessionError> = std::result::Result<T, E>;

/// Why a session can't be had. [`hint`](Self::hint) says what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// A session can't have this name.
    #[error("'{name}' can't be a session's name")]
    Name {
        /// The name that was given.
        name: String,
    },
    /// Nobody holds a session of this name.
    #[error("no session '{name}'{}", if *.stale { ": its holder has ended" } else { "" })]
    None {
        /// The session's name.
        name: String,
        /// Whether a socket is left of one whose holder has ended.
        stale: bool,
    },
    /// There is a session of this name.
    #[error("there is a session '{name}' already")]
    Exists {
        /// The session's name.
        name: String,
    },
    /// The directory of the sockets can't be had.
    #[error("can't use the directory {}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// The directory of the sockets could be written by others.
    #[error("the directory {} isn't this user's alone", path.display())]
    Shared {
        /// The directory.
        path: PathBuf,
    },
    /// Who answers is another user.
    #[error("the session '{name}' is held by another user, {uid}")]
    OtherUser {
        /// The session's name.
        name: String,
        /// The other user's id.
        uid: u32,
    },
    /// The holder takes too long: it's stopped, or its machine is.
    #[error("the holder of the session '{name}'{} doesn't answer", pid.map(|pid| format!(", process {pid},")).unwrap_or_default())]
    Silent {
        /// The session's name.
        name: String,
        /// The holder's process, where that is known.
        pid: Option<i32>,
    },
    /// What answers is no holder, or one of another version.
    #[error("what answers for the session '{name}' is no holder of this version")]
    Protocol {
        /// The session's name.
        name: String,
    },
    /// The descriptors that this process was given don't make sense.
    #[error("the descriptors that LISTEN_FDS announces can't be used")]
    Listen {
        /// What is wrong.
        source: io::Error,
    },
    /// A program can't be run.
    #[error("can't run {}", program.display())]
    Program {
        /// The program.
        program: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// A step that the system refused.
    #[error("{step} failed")]
    Os {
        /// The step.
        step: &'static str,
        /// What the system answered.
        source: io::Error,
    },
    /// The device couldn't be used.
    #[error(transparent)]
    Device(#[from] crate::Error),
}

impl SessionError {
    /// What to do next, as a sentence for the person in front of the program.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Name { .. } => {
                "a name is 1 to 64 letters, digits, `_`, `-` and `.`, and begins with none of the \
                 last two"
                    .into()
            }
            Self::None { name, .. } => {
                format!(
                    "`atomikctl session start {name}` starts it, `atomikctl session list` lists them"
                )
            }
            Self::Exists { name } => format!("use it, or end it: `atomikctl session stop {name}`"),
            Self::Directory { .. } => "set XDG_RUNTIME_DIR to a directory of yours".into(),
            Self::Shared { path } => {
                format!("`chmod 700 {}`, if it is yours", path.display())
            }
            Self::OtherUser { .. } => "a session serves the user who started it".into(),
            Self::Silent { pid, .. } => {
                let pid = pid.map_or("PID".into(), |pid| pid.to_string());
                format!(
                    "if it's stopped, `kill -CONT {pid}` has it go on; `kill {pid}` ends it, with its tables"
                )
            }
            Self::Protocol { name } => {
                format!(
                    "end it with the program that started it, and start it anew: session start {name}"
                )
            }
            Self::Device(error) => return error.hint(),
            Self::Listen { .. } | Self::Program { .. } | Self::Os { .. } => return None,
        })
    }

    pub(crate) fn os(step: &'static str) -> impl FnOnce(rustix::io::Errno) -> Self {
        move |errno| Self::Os {
            step,
            source: errno.into(),
        }
    }
}
