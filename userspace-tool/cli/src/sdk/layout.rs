// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl sdk layout`.

use std::path::PathBuf;

use atomik_sdk_generator::Layout;

use super::{mistakes, sources};
use crate::failure::Failure;
use crate::global::Global;
use crate::output::Output;

/// Show which contexts and bits each field of an object has
///
/// Contexts are counted from the object's first one. Object N of a table begins at address N times
/// the number of contexts. A field of more than 64 bits has several, the lowest bits first.
#[derive(clap::Args)]
pub struct Args {
    /// The schema; `-` is standard input
    schema: PathBuf,
}

impl Args {
    pub fn run(&self, global: &Global) -> Result<(), Failure> {
        let sources = sources::read(std::slice::from_ref(&self.schema))?;
        let schemas = mistakes::schemas(&sources, global)?;
        let mut out = Output::new(global.json);
        for layout in schemas.iter().map(Layout::of) {
            out.whole(&layout, layout.to_string().lines())?;
        }
        out.flush()
    }
}
