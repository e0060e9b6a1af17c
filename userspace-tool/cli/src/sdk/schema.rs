// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl sdk schema`.

use std::io::{self, Write};

use crate::failure::Failure;

/// Print the format of schemas as a JSON Schema, for editors
///
/// An editor that knows it completes keys and marks mistakes. It can't say all that `sdk check`
/// does, such as that two keys are the same, or that names collide.
#[derive(clap::Args)]
pub struct Args {}

impl Args {
    pub fn run(&self) -> Result<(), Failure> {
        Ok(io::stdout().write_all(atomik_sdk_generator::json_schema().as_bytes())?)
    }
}
