// SPDX-License-Identifier: MIT OR Apache-2.0
//! One process at a time in a directory.

use std::fs::File;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use super::error::{Result, WriteError, at};

/// Held until it is dropped, or until the process ends. It is on the directory itself, so that no
/// file of it is left.
pub struct Lock {
    _held: Option<Flock<File>>,
}

impl Lock {
    pub fn take(directory: &Path) -> Result<Lock> {
        let file = File::open(directory).map_err(at(directory))?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(held) => Ok(Lock { _held: Some(held) }),
            Err((_, Errno::EWOULDBLOCK)) => Err(WriteError::Busy),
            // Some file systems have no locks, or, as NFS, none for directories.
            Err(_) => Ok(Lock { _held: None }),
        }
    }
}
