// SPDX-License-Identifier: MIT OR Apache-2.0
//! The disk: what is there, and single changes of it. Links are never followed.

use std::fs;
use std::io;
use std::path::Path;

use super::error::{Result, at};

pub enum Found {
    Nothing,
    File(Vec<u8>),
    /// A directory, a link, a device, or something under a file.
    Other,
}

/// What is at a path of the directory. Something behind a link is not in the directory.
pub fn look_inside(directory: &Path, path: &str) -> Result<Found> {
    match is_behind(directory, path) {
        true => Ok(Found::Other),
        false => look(&directory.join(path)),
    }
}

/// A link, or another thing that is no directory, is on the way to the path.
fn is_behind(directory: &Path, path: &str) -> bool {
    let parents = Path::new(path).ancestors().skip(1);
    parents
        .filter(|parent| !parent.as_os_str().is_empty())
        .any(|parent| {
            fs::symlink_metadata(directory.join(parent)).is_ok_and(|metadata| !metadata.is_dir())
        })
}

pub fn look(path: &Path) -> Result<Found> {
    use io::ErrorKind::{NotADirectory, NotFound};
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => fs::read(path).map(Found::File).map_err(at(path)),
        Ok(_) => Ok(Found::Other),
        Err(error) if error.kind() == NotFound => Ok(Found::Nothing),
        Err(error) if error.kind() == NotADirectory => Ok(Found::Other),
        Err(error) => Err(at(path)(error)),
    }
}

/// Called before each change. An error is as one of that change.
pub type Before<'a> = &'a mut dyn FnMut() -> io::Result<()>;

/// Changes of the disk.
pub struct Disk<'a> {
    pub before: Before<'a>,
}

impl Disk<'_> {
    fn change<T>(&mut self, path: &Path, change: impl FnOnce() -> io::Result<T>) -> Result<T> {
        (self.before)().and_then(|()| change()).map_err(at(path))
    }

    /// Makes a directory and those around it.
    pub fn make_directory(&mut self, path: &Path) -> Result<()> {
        if path.is_dir() {
            return Ok(());
        }
        self.change(path, || fs::create_dir_all(path))
    }

    /// Writes a new file, which is on the disk then.
    pub fn write(&mut self, path: &Path, content: &str) -> Result<()> {
        self.change(path, || {
            use io::Write;
            let mut file = fs::File::create_new(path)?;
            file.write_all(content.as_bytes())?;
            file.sync_all()
        })
    }

    pub fn rename(&mut self, from: &Path, to: &Path) -> Result<()> {
        self.change(to, || fs::rename(from, to))
    }

    /// Removes what is there, a directory with all that it has.
    pub fn remove_whole(&mut self, path: &Path) -> Result<()> {
        match fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_dir() => self.change(path, || fs::remove_dir_all(path)),
            Ok(_) => self.change(path, || fs::remove_file(path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(at(path)(error)),
        }
    }

    /// Removes a file of the directory, and the directories that are empty then.
    pub fn remove(&mut self, directory: &Path, path: &str) -> Result<()> {
        if is_behind(directory, path) {
            return Ok(());
        }
        self.clear(&directory.join(path))?;
        for parent in Path::new(path)
            .ancestors()
            .skip(1)
            .filter(|p| !p.as_os_str().is_empty())
        {
            let parent = directory.join(parent);
            match fs::read_dir(&parent).map(|mut entries| entries.next().is_none()) {
                Ok(true) => self.change(&parent, || fs::remove_dir(&parent))?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                // One that is not empty stays, as do those around it.
                Ok(false) | Err(_) => break,
            }
        }
        Ok(())
    }

    /// Makes the directories of a file, and removes what is in its way, which the caller may.
    pub fn make_room(&mut self, directory: &Path, path: &str) -> Result<()> {
        let mut place = directory.to_path_buf();
        for part in Path::new(path)
            .parent()
            .into_iter()
            .flat_map(Path::components)
        {
            place.push(part);
            match fs::symlink_metadata(&place) {
                Ok(metadata) if metadata.is_dir() => continue,
                Ok(_) => self.change(&place, || fs::remove_file(&place))?,
                Err(_) => {}
            }
            self.change(&place, || fs::create_dir(&place))?;
        }
        let path = directory.join(path);
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_dir() => self.clear(&path),
            _ => Ok(()),
        }
    }

    /// Removes a file or an empty directory. One that people's files are in stays.
    fn clear(&mut self, path: &Path) -> Result<()> {
        match fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_dir() => self.change(path, || fs::remove_dir(path)),
            Ok(_) => self.change(path, || fs::remove_file(path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(at(path)(error)),
        }
    }
}
