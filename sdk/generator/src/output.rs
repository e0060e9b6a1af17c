// SPDX-License-Identifier: MIT OR Apache-2.0
//! Directories that generated files are written into, which may hold other files too.
//!
//! A manifest in the directory has the SHA-256 of each file that was written, as `sha256sum
//! --check` reads it. So files that people wrote or edited are told from ours, and what a former
//! schema left is known.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use serde::Serialize;
use sha2::{Digest, Sha256};

/// Name of the manifest.
pub const MANIFEST: &str = ".atomik-sdk.sha256";

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

#[derive(Debug)]
pub enum WriteError {
    /// These are not overwritten or removed without force; nothing has changed.
    NotOurs(Vec<String>),
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
            WriteError::Io { path, error } => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for WriteError {}

type Result<T> = std::result::Result<T, WriteError>;

/// What `write` would do.
pub fn compare(directory: &Path, files: &Files) -> Result<Changes> {
    let mut changes = Changes::default();
    let known = read_manifest(directory)?;
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
    let path = directory.join(MANIFEST);
    changes.manifest = !matches!(look(&path)?, Found::File(b) if b == manifest(files).as_bytes());
    Ok(changes)
}

/// Makes the directory have these files, and none that it wrote before besides.
///
/// All content is on the disk before the first file takes its place, and each file takes its place
/// whole. Where the program is killed between two, running it again does the rest.
pub fn write(directory: &Path, files: &Files, force: bool) -> Result<Changes> {
    let changes = compare(directory, files)?;
    if !changes.not_ours.is_empty() && !force {
        return Err(WriteError::NotOurs(changes.not_ours));
    }
    if changes.is_up_to_date() {
        return Ok(changes);
    }
    fs::create_dir_all(directory).map_err(at(directory))?;
    let staging = tempfile::Builder::new()
        .prefix(".atomik-sdk.")
        .tempdir_in(directory);
    let staging = staging.map_err(at(directory))?;
    let stage = |name: &str, content: &str| -> Result<PathBuf> {
        let path = staging.path().join(name);
        fs::write(&path, content).map_err(at(&path))?;
        fs::File::open(&path)
            .and_then(|file| file.sync_all())
            .map_err(at(&path))?;
        Ok(path)
    };
    let mut staged = Vec::new();
    for (number, path) in changes.written.iter().enumerate() {
        staged.push((
            stage(&number.to_string(), &files[path])?,
            directory.join(path),
        ));
    }
    // Until all are in place, both the old files and the new ones are ours.
    let old = fs::read_to_string(directory.join(MANIFEST)).unwrap_or_default();
    let both = stage("both", &(old + &manifest(files)))?;
    let new = stage("manifest", &manifest(files))?;

    rename(&both, &directory.join(MANIFEST))?;
    for path in &changes.removed {
        remove(directory, path)?;
    }
    for (from, to) in staged {
        make_room(directory, &to)?;
        rename(&from, &to)?;
    }
    rename(&new, &directory.join(MANIFEST))?;
    Ok(changes)
}

enum Found {
    Nothing,
    File(Vec<u8>),
    /// A directory, a link, a device, or something under a file.
    Other,
}

/// What is at a path of the directory. Something behind a link is not in the directory.
fn look_inside(directory: &Path, path: &str) -> Result<Found> {
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

fn look(path: &Path) -> Result<Found> {
    use io::ErrorKind::{NotADirectory, NotFound};
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => fs::read(path).map(Found::File).map_err(at(path)),
        Ok(_) => Ok(Found::Other),
        Err(error) if error.kind() == NotFound => Ok(Found::Nothing),
        Err(error) if error.kind() == NotADirectory => Ok(Found::Other),
        Err(error) => Err(at(path)(error)),
    }
}

fn is_ours(found: &Found, digests: Option<&BTreeSet<String>>) -> bool {
    match found {
        Found::Nothing => true,
        Found::File(bytes) => digests.is_some_and(|digests| digests.contains(&digest(bytes))),
        Found::Other => false,
    }
}

fn digest(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

fn manifest(files: &Files) -> String {
    let lines = files
        .iter()
        .map(|(path, text)| format!("{}  {path}\n", digest(text.as_bytes())));
    lines.collect::<Vec<_>>().concat()
}

/// Digests by path. Lines that we don't write are passed over: their files are not ours.
fn read_manifest(directory: &Path) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let path = directory.join(MANIFEST);
    let text = match look(&path)? {
        Found::File(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Found::Nothing => String::new(),
        Found::Other => return Err(at(&path)(io::Error::other("this is no file"))),
    };
    let mut digests: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (digest, path) in text.lines().filter_map(|line| line.split_once("  ")) {
        let inside = Path::new(path)
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if inside && !path.is_empty() {
            digests
                .entry(path.to_string())
                .or_default()
                .insert(digest.to_string());
        }
    }
    Ok(digests)
}

/// Removes a file, and the directories that are empty then.
fn remove(directory: &Path, path: &str) -> Result<()> {
    if is_behind(directory, path) {
        return Ok(());
    }
    clear(&directory.join(path))?;
    for parent in Path::new(path)
        .ancestors()
        .skip(1)
        .filter(|p| !p.as_os_str().is_empty())
    {
        // One that is not empty stays, as do those around it.
        if fs::remove_dir(directory.join(parent)).is_err() {
            break;
        }
    }
    Ok(())
}

/// Makes the directories of a file, and removes what is in its way, which the caller may.
fn make_room(directory: &Path, path: &Path) -> Result<()> {
    let inner = path.strip_prefix(directory).unwrap_or(path);
    let mut place = directory.to_path_buf();
    for part in inner.parent().into_iter().flat_map(Path::components) {
        place.push(part);
        match fs::symlink_metadata(&place) {
            Ok(metadata) if metadata.is_dir() => continue,
            Ok(_) => fs::remove_file(&place).map_err(at(&place))?,
            Err(_) => {}
        }
        fs::create_dir(&place).map_err(at(&place))?;
    }
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => clear(path),
        _ => Ok(()),
    }
}

fn clear(path: &Path) -> Result<()> {
    match fs::symlink_metadata(path) {
        // A directory of people's files stays: that much force nobody has asked for.
        Ok(metadata) if metadata.is_dir() => fs::remove_dir(path).map_err(at(path)),
        Ok(_) => fs::remove_file(path).map_err(at(path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(at(path)(error)),
    }
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(at(to))
}

fn at(path: &Path) -> impl Fn(io::Error) -> WriteError + use<> {
    let path = path.to_path_buf();
    move |error| WriteError::Io {
        path: path.clone(),
        error,
    }
}
