// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`SnapshotError`]: why a snapshot can't be taken, read, written or restored.

use std::io;
use std::path::PathBuf;

/// A result with a [`SnapshotError`].
pub type Result<T, E = SnapshotError> = std::result::Result<T, E>;

/// Why a snapshot can't be taken, read, written or restored. No table has changed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The file can't be read or written.
    #[error("can't access {}",
        .path.as_ref().map_or("the snapshot".into(), |path| path.display().to_string()))]
    Io {
        /// The file's path, where it has one.
        path: Option<PathBuf>,
        /// The system's error.
        source: io::Error,
    },
    /// The file isn't a snapshot.
    #[error("this is not a snapshot file")]
    Foreign,
    /// The file has a later version of the format.
    #[error("this snapshot has version {found} of the format, and 1 is known")]
    Version {
        /// The file's version.
        found: u32,
    },
    /// The file isn't as it was written.
    #[error("this snapshot is damaged: {what}")]
    Damaged {
        /// The mistake that was found.
        what: &'static str,
    },
    /// The table has another number of contexts.
    #[error("the snapshot has {snapshot} contexts, and the table {table}")]
    Size {
        /// The snapshot's number of contexts.
        snapshot: usize,
        /// The table's number of contexts.
        table: u32,
    },
    /// The device couldn't be used.
    #[error(transparent)]
    Device(#[from] crate::Error),
}

impl SnapshotError {
    /// The next step, as a sentence for the program's user.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Version { .. } => "use a newer atomikctl, or the one that wrote the file".into(),
            Self::Damaged { .. } => "nothing was changed; use another copy of the file".into(),
            Self::Size { snapshot, .. } => {
                format!("restore it into a table of {snapshot} contexts, or into a new one")
            }
            Self::Device(error) => return error.hint(),
            Self::Io { .. } | Self::Foreign => return None,
        })
    }
}
