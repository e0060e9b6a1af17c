// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl sdk`: what the library `sdk/generator` does, for people and scripts.

use clap::Subcommand;

use crate::failure::Failure;
use crate::global::Global;

mod check;
mod diff;
mod generate;
mod init;
mod layout;
mod mistakes;
mod schema;
mod sources;
mod use_it;

/// Make code for named fields from schemas, in several languages
///
/// A schema names the fields of an object and their widths. The code made from it behaves alike in
/// all languages, in the process or in a table of the device. No command of `sdk` needs the device.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
#[command(defer = true)]
enum Command {
    Init(init::Args),
    Check(check::Args),
    Generate(generate::Args),
    Diff(diff::Args),
    Layout(layout::Args),
    Schema(schema::Args),
}

impl Args {
    pub fn run(&self, global: &Global) -> Result<(), Failure> {
        match &self.command {
            Command::Init(args) => args.run(global),
            Command::Check(args) => args.run(global),
            Command::Generate(args) => args.run(global),
            Command::Diff(args) => args.run(global),
            Command::Layout(args) => args.run(global),
            Command::Schema(args) => args.run(),
        }
    }
}
