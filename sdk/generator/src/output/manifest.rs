// SPDX-License-Identifier: MIT OR Apache-2.0
//! The file that says what was written, as `sha256sum --check` reads it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Component, Path};

use sha2::{Digest, Sha256};

use super::Files;
use super::disk::{Found, look};
use super::error::{Result, at};

/// Name of the manifest.
pub const MANIFEST: &str = ".atomik-sdk.sha256";

pub fn digest(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

pub fn manifest(files: &Files) -> String {
    let lines = files
        .iter()
        .map(|(path, text)| format!("{}  {path}\n", digest(text.as_bytes())));
    lines.collect::<Vec<_>>().concat()
}

/// Text of a directory's manifest, empty where there is none.
pub fn read(directory: &Path) -> Result<String> {
    let path = directory.join(MANIFEST);
    match look(&path)? {
        Found::File(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Found::Nothing => Ok(String::new()),
        Found::Other => Err(at(&path)(io::Error::other("this is no file"))),
    }
}

/// Digests by path. Lines that we don't write are passed over: their files are not ours.
pub fn digests(manifest: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut digests: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (digest, path) in manifest.lines().filter_map(|line| line.split_once("  ")) {
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
    digests
}
