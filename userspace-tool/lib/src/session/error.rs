// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`SessionError`]: why a session can't be made, reached or used.

use std::io;
use std::path::PathBuf;

/// A result with a [`SessionError`].
pub type Result<T, E = SessionError> = std::result::Result<T, E>;

/// Why a session can't be made, reached or used. [`hint`](Self::hint) says what to do next.
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
        /// True where its holder has ended and left the socket behind.
        stale: bool,
    },
    /// There is a session of this name.
    #[error("there is a session '{name}' already")]
    Exists {
        /// The session's name.
        name: String,
    },
    /// The directory of the sockets can't be made or read.
    #[error("can't use the directory {}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Other users could write to the directory of the sockets.
    #[error("the directory {} isn't this user's alone", path.display())]
    Shared {
        /// The directory.
        path: PathBuf,
        /// True where it belongs to this user, who can close it to others.
        own: bool,
    },
    /// The path is too long for a socket's address.
    #[error("the path of the session's socket is too long for a socket: {}", path.display())]
    Path {
        /// The socket's path.
        path: PathBuf,
    },
    /// Another user holds the session.
    #[error("the session '{name}' is held by another user, {uid}")]
    OtherUser {
        /// The session's name.
        name: String,
        /// The other user's id.
        uid: u32,
    },
    /// The holder doesn't answer in time; it may be stopped.
    #[error("the holder of the session '{name}'{} doesn't answer",
        pid.map(|pid| format!(", process {pid},")).unwrap_or_default())]
    Silent {
        /// The session's name.
        name: String,
        /// The holder's process, where that is known.
        pid: Option<i32>,
    },
    /// The holder closed the connection and goes on: it waited too long for this process, or
    /// couldn't send the descriptor.
    #[error("the holder of the session '{name}' closed the connection without an answer")]
    Unanswered {
        /// The session's name.
        name: String,
    },
    /// The process that answers is no holder, or one of another version.
    #[error("the process that answers for the session '{name}' is no holder of this version")]
    Protocol {
        /// The session's name.
        name: String,
    },
    /// The descriptors that this process was passed can't be used.
    #[error("the descriptors that LISTEN_FDS announces can't be used")]
    Listen {
        /// The reason.
        source: io::Error,
    },
    /// A program can't be run.
    #[error("can't run {}", program.display())]
    Program {
        /// The program.
        program: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The system refused a step.
    #[error("{step} failed")]
    Os {
        /// The step.
        step: &'static str,
        /// The system's error.
        source: io::Error,
    },
    /// The device couldn't be used.
    #[error(transparent)]
    Device(#[from] crate::Error),
}

impl SessionError {
    /// The next step, as a sentence for the program's user.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Name { .. } => {
                "a name is 1 to 64 letters, digits, `_`, `-` and `.`, and begins with none of the \
                 last two"
                    .into()
            }
            Self::None { name, .. } => {
                format!(
                    "`atomikctl session start {name}` starts it, `atomikctl session list` lists \
                     them"
                )
            }
            Self::Exists { name } => format!("use it, or end it: `atomikctl session stop {name}`"),
            Self::Shared { path, own: true } => format!("`chmod 700 {}`", path.display()),
            Self::Directory { .. } | Self::Shared { own: false, .. } => {
                "set XDG_RUNTIME_DIR to a directory of yours".into()
            }
            Self::Path { .. } => {
                "set XDG_RUNTIME_DIR to a directory of yours with a shorter path".into()
            }
            Self::OtherUser { .. } => {
                "a session serves the user who started it; start one of your own by another name"
                    .into()
            }
            Self::Silent { pid: Some(pid), .. } => format!(
                "if it's stopped, `kill -CONT {pid}` has it go on; `kill {pid}` ends it, with its \
                 tables"
            ),
            Self::Silent { name, pid: None } => format!(
                "try again; `pgrep -af 'session hold.* {name}( |$)'` finds its process, and if \
                 that's stopped, `kill -CONT` has it go on"
            ),
            Self::Unanswered { .. } => {
                "try again: it goes on, with its tables; it may be short of memory or descriptors"
                    .into()
            }
            Self::Protocol { name } => format!(
                "the program that started it can use it; ended by that, it loses its tables, and \
                 `atomikctl session start {name}` starts it anew"
            ),
            Self::Device(error) => return error.hint(),
            Self::Listen { .. } | Self::Program { .. } | Self::Os { .. } => return None,
        })
    }

    pub(crate) fn os<E: Into<io::Error>>(step: &'static str) -> impl FnOnce(E) -> Self {
        move |error| Self::Os {
            step,
            source: error.into(),
        }
    }
}
