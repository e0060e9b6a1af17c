// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl fingerprint`.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use atomik::{Fingerprint, OrderedFold};
use serde::Serialize;

use crate::apply::apply;
use crate::failure::Failure;
use crate::format::{Format, hex};
use crate::global::Global;
use crate::output::Output;
use crate::script::Op;
use crate::script::number::parse_u32;
use crate::target::OpenTable;

/// Print fingerprints of files, or keep them as states
///
/// The fingerprint is the XOR of the 8-byte chunks of a file: a change of some of them is a delta.
/// It doesn't see chunks that trade places, an equal change made twice, nor zeros at the end;
/// --ordered does. Neither is cryptographic.
///
/// `atomikctl fingerprint --into 0 FILE...`, then `atomikctl swap ..`, begins an epoch. After the
/// same `fingerprint` again, `atomikctl dump --changed` shows which files have changed.
#[derive(clap::Args)]
pub struct Args {
    /// The files; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// SET the states from this address on to the fingerprints, one a file, and print nothing. Up
    /// to 4096 are one BATCH; all files are read before it
    #[arg(long, value_name = "ADDR", value_parser = parse_u32)]
    into: Option<u32>,
    /// The fingerprint that sees chunks in other places too, and the length
    #[arg(long)]
    ordered: bool,
    /// The format of fingerprints
    #[arg(short, long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    target: OpenTable,
}

/// A fingerprint, in JSON.
#[derive(Serialize)]
struct Row {
    file: String,
    value: u64,
    hex: String,
}

impl Args {
    pub fn run(&self, global: &Global) -> Result<(), Failure> {
        let Some(first) = self.into else {
            self.target.refuse_without("--into")?;
            return self.print(global);
        };
        let table = self.target.open()?;
        let mut ops = vec![];
        for (i, file) in (0..).zip(&self.files) {
            // Beyond all tables, where it doesn't fit.
            let addr = first.saturating_add(i);
            let value = self.fingerprint(file)?;
            ops.push(Op::Set { addr, value });
        }
        apply(global, &table, &ops, |_, _| Ok(()))
    }

    fn print(&self, global: &Global) -> Result<(), Failure> {
        let mut out = Output::new(global.json);
        for file in &self.files {
            let value = self.fingerprint(file)?;
            let row = Row {
                file: file.display().to_string(),
                value,
                hex: hex(value),
            };
            let text = format!("{}  {}", self.format.value(value), row.file);
            out.record(&row, text)?;
        }
        out.flush()
    }

    fn fingerprint(&self, file: &Path) -> Result<u64, Failure> {
        let found = if file == Path::new("-") {
            of(io::stdin().lock(), self.ordered)
        } else {
            File::open(file).and_then(|file| of(file, self.ordered))
        };
        found.map_err(|error| {
            let message = format!("{}: can't read it: {error}", file.display());
            Failure::usage(&message)
        })
    }
}

/// The fingerprint of all that there is to read.
fn of(mut from: impl Read, ordered: bool) -> io::Result<u64> {
    // Whole chunks, so that the parts of a file can be XORed.
    let mut part = vec![0; 1 << 16];
    let mut plain = Fingerprint::new();
    let mut fold = OrderedFold::new();
    loop {
        let length = fill(&mut from, &mut part)?;
        if ordered {
            fold.push(&part[..length]);
        } else {
            plain.accumulate_delta(&[], &part[..length]);
        }
        if length < part.len() {
            return Ok(if ordered {
                fold.value()
            } else {
                plain.value().to_u64().unwrap_or_default()
            });
        }
    }
}

/// Reads until `part` is full, or nothing is left. Returns the number of bytes.
fn fill(from: &mut impl Read, part: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < part.len() {
        match from.read(&mut part[length..]) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use atomik::OrderedFingerprint;

    /// Gives some bytes at a time, and is interrupted in between.
    struct Slow<'a>(&'a [u8], bool);

    impl Read for Slow<'_> {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(ErrorKind::Interrupted.into());
            }
            let length = self.0.len().min(to.len()).min(7777);
            let (now, later) = self.0.split_at(length);
            to[..length].copy_from_slice(now);
            self.0 = later;
            Ok(length)
        }
    }

    #[test]
    fn parts_make_the_fingerprint_of_the_whole() {
        let data: Vec<u8> = (0..200_003u64).map(|n| ((n * n) >> 7) as u8).collect();
        for length in [0, 1, 8, 65_535, 65_536, 65_537, 131_072, 200_003] {
            let data = &data[..length];
            let plain = Fingerprint::of(64, data).unwrap().to_u64().unwrap();
            assert_eq!(of(Slow(data, false), false).unwrap(), plain);
            assert_eq!(of(data, true).unwrap(), OrderedFingerprint::of(data));
        }
    }
}
