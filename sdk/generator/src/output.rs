// SPDX-License-Identifier: MIT OR Apache-2.0
//! Directories that generated files are written into, which may hold other files too.
//!
//! A manifest in the directory has the SHA-256 of each file that was written. So files that people
//! wrote or edited are told from ours, and what a former schema left is known.

mod disk;
mod error;
mod lock;
mod manifest;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use disk::{Before, Disk, Found, look_inside};
use error::{Result, at};
use lock::Lock;

pub use error::WriteError;
pub use manifest::MANIFEST;

/// Name of the directory that new files are in until all are written.
const STAGING: &str = ".atomik-sdk.new";

/// Files by their paths in the directory, with `/` between the parts.
pub type Files = BTreeMap<String, String>;

/// What there is to do, or was done. Paths are in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// Files that are not there, or are another.
    pub written: Vec<String>,
    /// What a former schema left.
    pub removed: Vec<String>,
    /// Of these, files that were not written by us, or edited since, or that are no files.
    pub not_ours: Vec<String>,
    pub unchanged: usize,
    /// The manifest is another.
    manifest: bool,
}

impl Changes {
    pub fn is_up_to_date(&self) -> bool {
        self.written.is_empty() && self.removed.is_empty() && !self.manifest
    }
}

/// What `write` would do.
pub fn compare(directory: &Path, files: &Files) -> Result<Changes> {
    let mut changes = Changes::default();
    let manifest = manifest::read(directory)?;
    let known = manifest::digests(&manifest);
    for (path, content) in files {
        let found = look_inside(directory, path)?;
        if matches!(&found, Found::File(bytes) if bytes == content.as_bytes()) {
            changes.unchanged += 1;
            continue;
        }
        if !is_ours(&found, known.get(path)) {
            changes.not_ours.push(path.clone());
        }
        changes.written.push(path.clone());
    }
    for (path, digests) in known.iter().filter(|(path, _)| !files.contains_key(*path)) {
        match look_inside(directory, path)? {
            Found::Nothing => {}
            found => {
                if !is_ours(&found, Some(digests)) {
                    changes.not_ours.push(path.clone());
                }
                changes.removed.push(path.clone());
            }
        }
    }
    changes.manifest = manifest != manifest::manifest(files);
    Ok(changes)
}

/// Makes the directory have these files, and none that it wrote before besides.
///
/// All content is on the disk before the first file takes its place, and each file takes its place
/// whole. Where the program is killed between two, running it again does the rest.
pub fn write(directory: &Path, files: &Files, force: bool) -> Result<Changes> {
    write_in_steps(directory, files, force, &mut || Ok(()))
}

/// The same. `before` is called before each change of the disk, and fails it by an error: so tests
/// see what a program leaves that ends there.
#[doc(hidden)]
pub fn write_in_steps(
    directory: &Path,
    files: &Files,
    force: bool,
    before: Before<'_>,
) -> Result<Changes> {
    let mut disk = Disk { before };
    disk.make_directory(directory)?;
    let _lock = Lock::take(directory)?;
    // Of a run that was killed: only who has the lock has one.
    let staging = directory.join(STAGING);
    disk.remove_whole(&staging)?;
    let changes = compare(directory, files)?;
    if !changes.not_ours.is_empty() && !force {
        return Err(WriteError::NotOurs(changes.not_ours));
    }
    if changes.is_up_to_date() {
        return Ok(changes);
    }
    refuse_directories(directory, &changes)?;
    let done = replace(&mut disk, directory, &staging, files, &changes);
    // What failed is the first thing to tell. The next run tries this again.
    let cleared = disk.remove_whole(&staging);
    done.and(cleared).map(|()| changes)
}

fn replace(
    disk: &mut Disk<'_>,
    directory: &Path,
    staging: &Path,
    files: &Files,
    changes: &Changes,
) -> Result<()> {
    disk.make_directory(staging)?;
    let mut staged = Vec::new();
    for (number, path) in changes.written.iter().enumerate() {
        let from = staging.join(number.to_string());
        disk.write(&from, &files[path])?;
        staged.push((from, path));
    }
    // Until all are in place, both the old files and the new ones are ours.
    let [both, new] = ["both", "manifest"].map(|name| staging.join(name));
    let manifest = manifest::manifest(files);
    let old = manifest::read(directory)?;
    disk.write(&both, &format!("{old}\n{manifest}"))?;
    disk.write(&new, &manifest)?;

    let place = directory.join(MANIFEST);
    disk.rename(&both, &place)?;
    // Of those that are gone already, a killed run may have left the directories.
    let known = manifest::digests(&old);
    for path in known.keys().filter(|path| !files.contains_key(*path)) {
        disk.remove(directory, path)?;
    }
    for (from, path) in staged {
        disk.make_room(directory, path)?;
        disk.rename(&from, &directory.join(path))?;
    }
    disk.rename(&new, &place)
}

/// Refuses directories where files are to be, if something is in them that isn't removed anyway:
/// that much force nobody has asked for.
fn refuse_directories(directory: &Path, changes: &Changes) -> Result<()> {
    let mut goes = BTreeSet::new();
    for path in &changes.removed {
        goes.extend(Path::new(path).ancestors().map(Path::to_path_buf));
    }
    for path in changes.written.iter().chain(&changes.removed) {
        let place = directory.join(path);
        let is_directory = fs::symlink_metadata(&place).is_ok_and(|found| found.is_dir());
        if is_directory && has_more(directory, Path::new(path), &goes).map_err(at(&place))? {
            return Err(at(&place)(io::ErrorKind::DirectoryNotEmpty.into()));
        }
    }
    Ok(())
}

/// Something is in the directory that isn't in the list.
fn has_more(directory: &Path, path: &Path, list: &BTreeSet<PathBuf>) -> io::Result<bool> {
    for entry in fs::read_dir(directory.join(path))? {
        let entry = entry?;
        let path = path.join(entry.file_name());
        let more = !list.contains(&path)
            || (entry.file_type()?.is_dir() && has_more(directory, &path, list)?);
        if more {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_ours(found: &Found, digests: Option<&BTreeSet<String>>) -> bool {
    match found {
        Found::Nothing => true,
        Found::File(bytes) => {
            digests.is_some_and(|digests| digests.contains(&manifest::digest(bytes)))
        }
        Found::Other => false,
    }
}
