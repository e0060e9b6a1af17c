// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl`: `/dev/atomik` from the shell. Each subcommand is a file of its own.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

mod addresses;
mod apply;
mod batch;
mod bench;
mod completions;
mod create;
mod destroy;
mod doctor;
mod dump;
mod failure;
mod format;
mod info;
mod list;
mod man;
mod output;
mod printable;
mod read;
mod record;
mod restore;
mod run;
mod runner;
mod script;
mod session;
mod snapshot;
mod stream;
mod swap;
mod target;
#[cfg(feature = "top")]
mod top;
mod watch;
mod write;

use target::Target;

/// Work with /dev/atomik: tables of delta-state contexts, kept in the kernel
///
/// A table belongs to an open file. `-s NAME` works on the tables of a session, which `atomikctl
/// session start NAME` makes; `--fd N` on those of a descriptor that the shell has opened: `exec
/// 3<>/dev/atomik`. Numbers are decimal, 0x hexadecimal or 0b binary, with `_` between digits.
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
    #[command(flatten)]
    target: Target,
    /// Print JSON: one object, or one a line where there may be several
    #[arg(long, global = true)]
    json: bool,
}

// What a subcommand takes is put together for the one that is called, and for no other.
#[derive(Subcommand)]
#[command(defer = true)]
enum Command {
    Create(create::Args),
    Destroy(destroy::Args),
    List(list::Args),
    Load(write::LoadArgs),
    #[command(visible_alias = "rollback")]
    Accum(write::AccumArgs),
    Read(read::Args),
    Swap(swap::Args),
    Batch(batch::Args),
    Run(run::Args),
    Dump(dump::Args),
    Snapshot(snapshot::Args),
    Restore(restore::Args),
    Watch(watch::Args),
    #[cfg(feature = "top")]
    Top(top::Args),
    Session(session::Args),
    Info(info::Args),
    Doctor(doctor::Args),
    Bench(bench::Args),
    Completions(completions::Args),
    Man(man::Args),
}

const EXIT_STATUS: &str = "\
Exit status:
  0    all went well
  1    an operation failed, or `doctor` found something wrong
  2    wrong usage, or the input can't be read or has mistakes
  3    the device can't be opened, or the session can't be reached
  141  the reader of the output went away
`session exec` ends with the status of its program, 126 or 127 where that can't be run.";

fn main() -> ExitCode {
    let cli = Cli::try_parse().unwrap_or_else(say);
    let global = &cli.global;
    let result = match &cli.command {
        Command::Create(args) => args.run(global),
        Command::Destroy(args) => args.run(global),
        Command::List(args) => args.run(global),
        Command::Load(args) => args.run(global),
        Command::Accum(args) => args.run(global),
        Command::Read(args) => args.run(global),
        Command::Swap(args) => args.run(global),
        Command::Batch(args) => args.run(global),
        Command::Run(args) => args.run(global),
        Command::Dump(args) => args.run(global),
        Command::Snapshot(args) => args.run(global),
        Command::Restore(args) => args.run(global),
        Command::Watch(args) => args.run(global),
        #[cfg(feature = "top")]
        Command::Top(args) => args.run(global),
        Command::Session(args) => args.run(global),
        Command::Info(args) => args.run(global),
        Command::Doctor(args) => args.run(global),
        Command::Bench(args) => args.run(global),
        Command::Completions(args) => args.run(),
        Command::Man(args) => args.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// Prints the help that was asked for, or what is wrong with the arguments, and ends.
fn say(why: clap::Error) -> Cli {
    use clap::error::ErrorKind::{DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand};
    if !matches!(
        why.kind(),
        DisplayHelp | DisplayHelpOnMissingArgumentOrSubcommand
    ) {
        // What was given is in it, and may come from elsewhere.
        let text = why.render().to_string();
        if !why.use_stderr() {
            why.exit();
        }
        for line in text.lines() {
            let _ = writeln!(io::stderr(), "{}", printable::printable(line));
        }
        std::process::exit(why.exit_code());
    }
    // The list of subcommands says something of each, which takes all of them.
    let mut whole = Cli::command();
    whole.build();
    let matches = whole.get_matches();
    Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_options_stand_anywhere() {
        let cli = Cli::try_parse_from(["atomikctl", "info", "--json", "--device", "/x"]).unwrap();
        assert!(cli.global.json);
        assert_eq!(cli.global.target.device.to_str(), Some("/x"));
        let cli = Cli::try_parse_from(["atomikctl", "-s", "work", "read", "0", "-t", "2"]).unwrap();
        assert_eq!(cli.global.target.table, Some(2));
    }

    /// Help lists them all, though only the one that is called is put together.
    #[test]
    fn help_says_what_each_subcommand_is() {
        let mut command = Cli::command();
        command.build();
        let help = command.render_help().to_string();
        for sub in command.get_subcommands().filter(|s| s.get_name() != "help") {
            let about = sub.get_about().expect("a description").to_string();
            assert!(help.contains(&about), "{about} in {help}");
        }
    }

    #[test]
    fn one_open_file_at_a_time() {
        let both = ["atomikctl", "--fd", "3", "-s", "work", "list"];
        assert!(Cli::try_parse_from(both).is_err());
    }
}
