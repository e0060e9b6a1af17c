// SPDX-License-Identifier: MIT OR Apache-2.0

//! Schemas that the arguments name.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use atomik_sdk_generator::Source;

use crate::failure::Failure;
use crate::printable::printable;

/// The largest file that is read, in bytes. The library refuses those above 2^20, and says how
/// large they are.
const LARGEST: u64 = 16 << 20;

/// The texts of all files, or what is wrong with each that can't be read. `-` is standard input.
pub fn read(paths: &[PathBuf]) -> Result<Vec<Source>, Failure> {
    if paths.iter().filter(|&path| is_stdin(path)).count() > 1 {
        return Err(Failure::usage(
            "standard input can be only one of the schemas",
        ));
    }
    let mut sources = vec![];
    let mut errors = vec![];
    for path in paths {
        match read_one(path) {
            Ok(source) => sources.push(source),
            Err(error) => errors.push(error),
        }
    }
    match errors.is_empty() {
        true => Ok(sources),
        false => Err(Failure::script(errors, None)),
    }
}

fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

fn read_one(path: &Path) -> Result<Source, String> {
    let name = match is_stdin(path) {
        true => "<stdin>".into(),
        false => printable(&path.display().to_string()).into_owned(),
    };
    let read = || -> io::Result<Vec<u8>> {
        let from: Box<dyn Read> = match is_stdin(path) {
            true => Box::new(io::stdin().lock()),
            false => Box::new(File::open(path)?),
        };
        let mut bytes = vec![];
        from.take(LARGEST + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    match read() {
        Ok(bytes) if bytes.len() as u64 > LARGEST => Err(format!(
            "{name}: this is no schema: it has more than 16 MiB"
        )),
        Ok(bytes) => Ok(Source::from_bytes(name, &bytes)),
        Err(error) => Err(format!("can't read {name}: {error}")),
    }
}
