// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl`: `/dev/atomik` from the shell. Each subcommand is a file of its own.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod completions;
mod doctor;
mod failure;
mod info;
mod man;
mod record;
mod run;
mod runner;
mod script;

/// Work with /dev/atomik: tables of delta-state contexts, kept in the kernel
#[derive(Parser)]
#[command(name = "atomikctl", version, after_help = EXIT_STATUS)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options of every subcommand.
#[derive(clap::Args)]
struct Global {
    /// The device to open
    #[arg(long, global = true, value_name = "PATH", default_value = atomik::DEFAULT_PATH)]
    device: PathBuf,
    /// Print JSON: one object, or one a line from `run`
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    Doctor(doctor::Args),
    Info(info::Args),
    Run(run::Args),
    Completions(completions::Args),
    Man(man::Args),
}

const EXIT_STATUS: &str = "\
Exit status:
  0    all went well
  1    an operation failed, or `doctor` found something wrong
  2    wrong usage, or the script can't be read or has syntax errors; nothing was executed
  3    the device can't be opened
  141  the reader of the output went away";

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match &cli.command {
        Command::Doctor(args) => args.run(&cli.global),
        Command::Info(args) => args.run(&cli.global),
        Command::Run(args) => args.run(&cli.global),
        Command::Completions(args) => args.run(),
        Command::Man(args) => args.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_options_stand_anywhere() {
        let cli = Cli::try_parse_from(["atomikctl", "info", "--json", "--device", "/x"]).unwrap();
        assert!(cli.global.json);
        assert_eq!(cli.global.device.to_str(), Some("/x"));
    }
}
