// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl session`.

use clap::Subcommand;

use crate::failure::Failure;
use crate::global::Global;

mod descriptors;
mod exec;
mod hold;
mod list;
mod start;
mod stop;

/// Keep tables from one command to the next
///
/// A session is a small process that holds the device open, and hands it to later commands of the
/// same user: `atomikctl -s NAME …`. Its socket is in $XDG_RUNTIME_DIR/atomik; where
/// $XDG_RUNTIME_DIR isn't yours, in /run/user/UID/atomik or /tmp/atomik-UID.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Start(start::Args),
    List(list::Args),
    Stop(stop::Args),
    Exec(exec::Args),
    Hold(hold::Args),
}

impl Args {
    pub fn run(&self, global: &Global) -> Result<(), Failure> {
        match &self.command {
            Command::Start(args) => args.run(global),
            Command::List(args) => args.run(global),
            Command::Stop(args) => args.run(),
            Command::Exec(args) => args.run(),
            Command::Hold(args) => args.run(),
        }
    }
}
