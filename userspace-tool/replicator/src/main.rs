// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomik-replicate`: tables of several machines that converge, over NATS JetStream. `atomikctl
//! replicate` starts it. Each subcommand has a file of its own.
//!
//! The protocol is in the crate `atomik-replicate`, which does no I/O. [`pump`] carries its events
//! and actions between the [kernel's table](kernel_table), the [log] and people.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

mod ask;
mod completions;
mod discover;
mod failure;
mod global;
mod join;
mod kernel_table;
mod leave;
mod link;
mod lock;
mod log;
mod man;
mod metrics;
mod metrics_server;
mod nats;
mod news;
mod node_status;
mod open_file;
mod pump;
mod remove;
mod request;
mod status;
mod table_name;
mod table_status;
mod verify;

use failure::Failure;
use global::Global;

/// Tables of several machines that converge, over NATS JetStream
///
/// Each machine is a node: `join` runs there and keeps its table in step with the others. Programs
/// use that table by all that works on tables.
#[derive(Parser)]
#[command(name = "atomik-replicate", version, after_help = EXIT_STATUS)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Join(join::Args),
    Status(status::Args),
    Verify(verify::Args),
    Leave(leave::Args),
    Remove(remove::Args),
    Completions(completions::Args),
    Man(man::Args),
}

const EXIT_STATUS: &str = "\
Exit status:
  0    success; of `join`: it was told to stop, or the node has left
  1    an operation failed, or `verify` found that nodes differ or are
       silent; starting `join` again may help
  2    wrong usage
  3    starting `join` again can't help: do first what the message says";

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(&cli.global),
    }
}

/// One thread does all: it waits nearly always.
fn run(cli: &Cli) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("can't wait for input: {error}")))?;
    runtime.block_on(async {
        match &cli.command {
            Command::Join(args) => args.run(&cli.global).await,
            Command::Status(args) => args.run(&cli.global).await,
            Command::Verify(args) => args.run(&cli.global).await,
            Command::Leave(args) => args.run(&cli.global).await,
            Command::Remove(args) => args.run(&cli.global).await,
            Command::Completions(args) => args.run(Cli::command()),
            Command::Man(args) => args.run(Cli::command()),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use atomik_command_line::checks;

    #[test]
    fn arguments_are_consistent() {
        Cli::command().debug_assert();
    }
    #[test]
    fn manual_pages_and_completions_are_good_and_installed() {
        let files = include_str!("../../../packaging/files");
        checks::pages(Cli::command, files);
        checks::completions(Cli::command, files);
    }
}
