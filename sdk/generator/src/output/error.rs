// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a directory can't be compared or written.

use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub enum WriteError {
    /// These are not overwritten or removed without force; nothing has changed.
    NotOurs(Vec<String>),
    /// Another process writes there; nothing has changed.
    Busy,
    Io {
        path: PathBuf,
        error: io::Error,
    },
}

impl std::fmt::Display for WriteError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            WriteError::NotOurs(paths) => {
                let paths = paths.join(", ");
                write!(f, "not written by this program, or edited since: {paths}")
            }
            WriteError::Busy => f.write_str("another process writes into this directory"),
            WriteError::Io { path, error } => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for WriteError {}

pub type Result<T> = std::result::Result<T, WriteError>;

pub fn at(path: &Path) -> impl Fn(io::Error) -> WriteError + use<> {
    let path = path.to_path_buf();
    move |error| WriteError::Io {
        path: path.clone(),
        error,
    }
}
