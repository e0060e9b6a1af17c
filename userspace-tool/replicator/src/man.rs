// SPDX-License-Identifier: MIT OR Apache-2.0

use atomik_command_line::man::page;
use clap::Command;

use crate::failure::Failure;
use crate::global::write;

/// Print a manual page, as roff
///
/// `atomik-replicate man | man -l -` shows it. install.sh installs them all.
#[derive(clap::Args)]
pub struct Args {
    /// The subcommand to describe; without one, atomik-replicate itself
    subcommand: Vec<String>,
}

impl Args {
    pub fn run(&self, command: Command) -> Result<(), Failure> {
        let page = page(command, &self.subcommand).map_err(|message| {
            Failure::usage(message).with_hint("atomik-replicate --help lists them")
        })?;
        write(&page)
    }
}
