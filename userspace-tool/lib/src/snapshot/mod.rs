// SPDX-License-Identifier: MIT OR Apache-2.0

//! Snapshot files: the contexts of a table as they were at one moment.
//!
//! The format is documented in `docs/snapshot-format.md`: a header, both words of each context, and
//! a checksum. Damaged and foreign files are refused. A file is replaced only when the new one is
//! complete.

mod error;
mod format;
mod replace;

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub use error::{Result, SnapshotError};

use crate::{Context, TableRef};

/// The contexts of a table as they were at one moment, and the time of that.
///
/// ```no_run
/// use atomik::{Device, snapshot::Snapshot};
///
/// let device = Device::open()?;
/// let table = device.create_table(256)?;
/// Snapshot::take(&table)?.write_file("work.atomik")?;
/// Snapshot::read_file("work.atomik")?.restore(&table)?;
/// # Ok::<(), atomik::snapshot::SnapshotError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    contexts: Vec<Context>,
    /// Seconds since 1970.
    taken: u64,
}

impl Snapshot {
    /// Copies the contexts of a whole table, isolated from every other operation on it.
    ///
    /// # Errors
    ///
    /// [`SnapshotError::Device`].
    pub fn take(table: &TableRef) -> Result<Self> {
        let contexts = table.snapshot(0..table.size()?)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Ok(Self {
            contexts,
            taken: now.map_or(0, |since| since.as_secs()),
        })
    }

    /// Sets all contexts of a table of the same size, all at one moment.
    ///
    /// # Errors
    ///
    /// [`SnapshotError::Size`] where the table's size is another, [`SnapshotError::Device`].
    /// Nothing has changed then.
    pub fn restore(&self, table: &TableRef) -> Result<()> {
        let contexts = table.size()?;
        if contexts as usize != self.contexts.len() {
            return Err(SnapshotError::Size {
                snapshot: self.contexts.len(),
                table: contexts,
            });
        }
        Ok(table.restore(0, &self.contexts)?)
    }

    /// The contexts, 1 to [`MAX_CONTEXTS`](crate::MAX_CONTEXTS) of them, by address.
    pub fn contexts(&self) -> &[Context] {
        &self.contexts
    }

    /// The time at which it was taken, in whole seconds, by the clock of that machine.
    pub fn taken(&self) -> SystemTime {
        let since = Duration::from_secs(self.taken);
        UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH)
    }

    /// Writes the snapshot in the format of the files.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn write(&self, mut to: impl Write) -> io::Result<()> {
        to.write_all(&format::encode(&self.contexts, self.taken))?;
        to.flush()
    }

    /// Reads a snapshot in the format of the files, up to the end. Reads at most the length of the
    /// longest snapshot, and a byte.
    ///
    /// # Errors
    ///
    /// Those of the reader, as [`SnapshotError::Io`]; [`SnapshotError::Foreign`],
    /// [`SnapshotError::Version`], [`SnapshotError::Damaged`].
    pub fn read(from: impl Read) -> Result<Self> {
        let mut bytes = vec![];
        let most = format::LONGEST as u64 + 1;
        (from.take(most).read_to_end(&mut bytes))
            .map_err(|source| SnapshotError::Io { path: None, source })?;
        let (contexts, taken) = format::decode(&bytes)?;
        Ok(Self { contexts, taken })
    }

    /// Writes a file. An existing file stays whole until the new one is complete and on the disk;
    /// the new one then replaces it, with the same owner and mode. Links are followed, and a device
    /// or a pipe is written to.
    ///
    /// # Errors
    ///
    /// [`SnapshotError::Io`].
    pub fn write_file(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        replace::replace(path, |file| self.write(file)).map_err(|source| SnapshotError::Io {
            path: Some(path.into()),
            source,
        })
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// Those of [`read`](Self::read).
    pub fn read_file(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|source| SnapshotError::Io {
            path: Some(path.into()),
            source,
        })?;
        Self::read(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(contexts: u64) -> Snapshot {
        let context = |n: u64| Context {
            reference: n.wrapping_mul(0x9E37_79B9_7F4A_7C15),
            accumulator: n,
        };
        Snapshot {
            contexts: (0..contexts).map(context).collect(),
            taken: 1_700_000_000,
        }
    }

    #[test]
    fn files_come_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.atomik");
        for contexts in [1, 2, 256, 65536] {
            let snapshot = snapshot(contexts);
            snapshot.write_file(&path).unwrap();
            assert_eq!(Snapshot::read_file(&path).unwrap(), snapshot);
            let length = std::fs::metadata(&path).unwrap().len();
            assert_eq!(length, 36 + 16 * contexts);
        }
        // Nothing else is left in the directory.
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
        assert_eq!(
            snapshot(1).taken(),
            UNIX_EPOCH + Duration::from_secs(1_700_000_000)
        );
    }

    #[test]
    fn what_cannot_be_written_leaves_the_old_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        std::fs::create_dir(&path).unwrap();
        let error = snapshot(3).write_file(&path).unwrap_err();
        assert!(matches!(error, SnapshotError::Io { path: Some(_), .. }));
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
        assert!(
            snapshot(3)
                .write_file(directory.path().join("x/y"))
                .is_err()
        );
    }

    #[test]
    fn no_more_is_read_than_a_snapshot_can_have() {
        let error = Snapshot::read(std::io::repeat(7)).unwrap_err();
        assert!(matches!(error, SnapshotError::Foreign), "{error:?}");
    }
}
