// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl sdk init`.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::failure::Failure;
use crate::global::Global;
use crate::output::Output;

/// Write a commented schema to begin with
#[derive(clap::Args)]
pub struct Args {
    /// The object's name, such as Video.Stream.H264Delta, or only its last part
    name: String,
    /// The file, which must not exist; `-` is standard output; by default OBJECT.json, of the name's
    /// last part
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// The written file, in JSON.
#[derive(Serialize)]
struct Written {
    file: String,
}

impl Args {
    pub fn run(&self, global: &Global) -> Result<(), Failure> {
        let text = atomik_sdk_generator::init(&self.name).map_err(|e| Failure::usage(&e))?;
        let object = self.name.rsplit('.').next().unwrap_or_default();
        let path = match &self.out {
            Some(path) if path == Path::new("-") => {
                return Ok(io::stdout().write_all(text.as_bytes())?);
            }
            Some(path) => path.clone(),
            None => format!("{object}.json").into(),
        };
        let file = path.display().to_string();
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::AlreadyExists => Failure::plain(&format!("{file} exists; it stays"))
                .with_hint("`--out FILE` writes another file"),
            _ => Failure::plain(&format!("can't write {file}: {error}")),
        };
        let mut written = File::create_new(&path).map_err(failed)?;
        written.write_all(text.as_bytes()).map_err(|error| {
            // Half a schema is of no use to anyone.
            let _ = std::fs::remove_file(&path);
            failed(error)
        })?;
        let mut out = Output::new(global.json);
        let next = format!(
            "{file}: change it, then\n  atomikctl sdk check {file}\n  \
             atomikctl sdk generate {file} --out sdk"
        );
        out.whole(&Written { file }, next.lines())?;
        out.flush()
    }
}
