// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`replace`]: writes to a path. A file is replaced when the new one is complete; a device or pipe
//! is written to.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// More links than the kernel follows.
const LINKS: usize = 40;

/// Calls `write` with a file for `path`.
///
/// A regular file stays whole until the new one is complete and on the disk; the new one then
/// replaces it, with the same owner and mode. A file that wasn't there before only its owner can
/// read. Links are followed. Anything else that can be written to is written directly.
pub fn replace(path: &Path, write: impl FnOnce(&File) -> io::Result<()>) -> io::Result<()> {
    // Ask the kernel first: it follows other users' links only where that is safe.
    let found = match fs::metadata(path) {
        Ok(found) => Some(found),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let target = end_of_links(path)?;
    let named = match &found {
        None => true,
        Some(found) if found.is_dir() => return Err(ErrorKind::IsADirectory.into()),
        // A file without a name, as /dev/stdout may be, can't be replaced.
        Some(found) => found.is_file() && is_at(found, &target),
    };
    if !named {
        return write_into(path, write);
    }
    if found.is_some() {
        // Don't replace a file that may not be written.
        OpenOptions::new().write(true).open(path)?;
    }
    // In the same directory, and so on the same file system, where renaming is one step.
    let directory = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let new = NamedTempFile::new_in(directory)?;
    write(new.as_file())?;
    if let Some(found) = found {
        take_over(new.as_file(), &found)?;
    }
    new.as_file().sync_all()?;
    new.persist(&target)?;
    // The file is there even where the directory's entry can't be synchronised.
    let _ = File::open(directory).and_then(|directory| directory.sync_all());
    Ok(())
}

/// Follows the links at the end of a path, to a file that need not exist.
fn end_of_links(path: &Path) -> io::Result<PathBuf> {
    let mut end = path.to_path_buf();
    for _ in 0..=LINKS {
        match fs::read_link(&end) {
            Ok(target) => {
                end.pop();
                end.push(target);
            }
            Err(_) => return Ok(end),
        }
    }
    Err(io::Error::other("too many links"))
}

/// True where `found` has this name.
fn is_at(found: &Metadata, target: &Path) -> bool {
    fs::symlink_metadata(target)
        .is_ok_and(|there| (there.dev(), there.ino()) == (found.dev(), found.ino()))
}

/// Gives the new file the old one's owner and mode.
fn take_over(new: &File, old: &Metadata) -> io::Result<()> {
    let now = new.metadata()?;
    let uid = (now.uid() != old.uid()).then_some(old.uid());
    let gid = (now.gid() != old.gid()).then_some(old.gid());
    if uid.is_some() || gid.is_some() {
        fchown(new, uid, gid)
            .map_err(|e| io::Error::new(e.kind(), format!("its owner can't be kept: {e}")))?;
    }
    new.set_permissions(old.permissions())
}

/// Writes into the existing file.
fn write_into(path: &Path, write: impl FnOnce(&File) -> io::Result<()>) -> io::Result<()> {
    let file = OpenOptions::new().write(true).truncate(true).open(path)?;
    write(&file)?;
    match file.sync_all() {
        // A pipe or terminal has nothing to synchronise.
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
    use std::process::{Command, Stdio};

    fn put(path: &Path, text: &str) -> io::Result<()> {
        replace(path, |mut file| file.write_all(text.as_bytes()))
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    fn entries(directory: &Path) -> usize {
        fs::read_dir(directory).unwrap().count()
    }

    #[test]
    fn a_file_is_replaced_and_keeps_its_mode() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        put(&path, "1").unwrap();
        assert_eq!(mode(&path), 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let other = directory.path().join("b");
        fs::hard_link(&path, &other).unwrap();
        put(&path, "2").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "2");
        assert_eq!(mode(&path), 0o640);
        // The other name still has the old one, whole.
        assert_eq!(fs::read_to_string(&other).unwrap(), "1");
        assert_eq!(entries(directory.path()), 2);
    }

    #[test]
    fn what_fails_half_way_leaves_the_old_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        put(&path, "old").unwrap();
        let error = replace(&path, |mut file| {
            file.write_all(b"ne")?;
            Err(ErrorKind::StorageFull.into())
        });
        assert_eq!(error.unwrap_err().kind(), ErrorKind::StorageFull);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(entries(directory.path()), 1);
    }

    #[test]
    fn links_are_followed_and_stay() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name| directory.path().join(name);
        fs::create_dir(path("sub")).unwrap();
        symlink("second", path("first")).unwrap();
        symlink(path("sub/file"), path("second")).unwrap();
        for text in ["to nothing", "to a file"] {
            put(&path("first"), text).unwrap();
            assert_eq!(fs::read_to_string(path("sub/file")).unwrap(), text);
            assert!(path("first").is_symlink() && path("second").is_symlink());
        }
        symlink("loop", path("loop")).unwrap();
        assert!(put(&path("loop"), "").is_err());
        assert_eq!((entries(directory.path()), entries(&path("sub"))), (4, 1));
    }

    #[test]
    fn pipes_are_written_to() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("fifo");
        let made = Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        let link = directory.path().join("link");
        symlink(&path, &link).unwrap();
        for name in [&path, &link] {
            let reader = Command::new("cat")
                .arg(&path)
                .stdout(Stdio::piped())
                .spawn();
            put(name, "through").unwrap();
            let output = reader.unwrap().wait_with_output().unwrap();
            assert_eq!(output.stdout, b"through");
        }
        assert!(fs::metadata(&path).unwrap().file_type().is_fifo());
        assert!(link.is_symlink());
        assert_eq!(entries(directory.path()), 2);
    }

    #[test]
    fn a_file_without_a_name_is_written_to() {
        let mut file = tempfile::tempfile().unwrap();
        let number = file.as_raw_fd();
        file.write_all(b"longer than what comes").unwrap();
        put(Path::new(&format!("/proc/self/fd/{number}")), "short").unwrap();
        let mut text = String::new();
        io::Seek::rewind(&mut file).unwrap();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "short");
    }

    #[test]
    fn directories_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let error = put(directory.path(), "").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::IsADirectory);
        assert!(put(&directory.path().join("none/a"), "").is_err());
        assert_eq!(entries(directory.path()), 0);
    }
}
