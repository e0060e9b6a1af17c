// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl`: `/dev/atomik` from the shell. Each subcommand has a file of its own.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use atomik_command_line::{printable, seconds};
use clap::{CommandFactory, Parser, Subcommand};

mod addresses;
mod apply;
mod batch;
mod bench;
mod cas;
mod changes;
mod completions;
mod create;
mod destroy;
mod diff;
mod doctor;
mod dump;
mod executor;
mod failure;
mod fingerprint;
mod format;
mod global;
mod info;
mod lines;
mod list;
mod man;
mod output;
mod read;
mod record;
mod replicate;
mod restore;
mod run;
mod script;
mod sdk;
mod session;
mod snapshot;
mod stream;
mod swap;
mod target;
#[cfg(feature = "top")]
mod top;
mod wait;
mod watch;
mod words;
mod write;

use failure::Failure;
use global::Global;

/// Work with /dev/atomik: tables of delta-state contexts, kept in the kernel
///
/// A table belongs to an open file. `-s NAME` works on the tables of a session, which `atomikctl
/// session start NAME` makes; `--fd N` on those of a descriptor that the shell has opened: `exec
/// 3<>/dev/atomik`. These options may stand before the command or after it. Numbers are decimal, 0x
/// hexadecimal or 0b binary, with `_` between digits; a negative state or delta is its two's
/// complement, so that -1 has all 64 bits.
#[derive(Parser)]
#[command(name = "atomikctl", version, after_help = EXIT_STATUS, args = target::options())]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

// Deferred: only the arguments of the subcommand that is called are built.
#[derive(Subcommand)]
#[command(defer = true)]
enum Command {
    Create(create::Args),
    Destroy(destroy::Args),
    List(list::Args),
    Load(write::LoadArgs),
    #[command(visible_alias = "rollback")]
    Accum(write::AccumArgs),
    Set(write::SetArgs),
    Cas(cas::Args),
    Read(read::Args),
    Swap(swap::Args),
    Batch(batch::Args),
    Run(run::Args),
    Dump(dump::Args),
    Snapshot(snapshot::Args),
    Restore(restore::Args),
    Diff(diff::Args),
    Fingerprint(fingerprint::Args),
    Watch(watch::Args),
    Wait(wait::Args),
    #[cfg(feature = "top")]
    Top(top::Args),
    Session(session::Args),
    Replicate(replicate::Args),
    Info(info::Args),
    Doctor(doctor::Args),
    Bench(bench::Args),
    Sdk(sdk::Args),
    Completions(completions::Args),
    Man(man::Args),
}

const EXIT_STATUS: &str = "\
Exit status:
  0    success
  1    an operation failed, or `doctor` found something wrong;
       of `diff`, there is a difference
  2    wrong usage, or input that can't be read or has mistakes;
       of `diff`, any failure
  3    the device can't be opened, or the session can't be reached
  4    a condition doesn't hold: an `expect`, or that of `cas`,
       `sdk generate --check` or `sdk diff --versioned`
  5    `sdk diff`: the API breaks
  6    `sdk diff`: the layout breaks
  124  `wait` or `watch`: --timeout is over
  141  the reader of the output closed it

`session exec` and `replicate` exit as their program does. They and `watch --exec` exit with 126 or
127 where the program can't be run.";

fn main() -> ExitCode {
    let words = words::in_order(std::env::args_os().collect());
    let cli = match Cli::try_parse_from(&words) {
        Ok(cli) => cli,
        Err(error) => return say(error, words),
    };
    let global = &cli.global;
    let result = match &cli.command {
        Command::Create(args) => args.run(global),
        Command::Destroy(args) => args.run(),
        Command::List(args) => args.run(global),
        Command::Load(args) => args.run(global),
        Command::Accum(args) => args.run(global),
        Command::Set(args) => args.run(global),
        Command::Cas(args) => args.run(global),
        Command::Read(args) => args.run(global),
        Command::Swap(args) => args.run(global),
        Command::Batch(args) => args.run(global),
        Command::Run(args) => args.run(global),
        Command::Dump(args) => args.run(global),
        Command::Snapshot(args) => args.run(global),
        Command::Restore(args) => args.run(global),
        Command::Diff(args) => args.run(global).map_err(Failure::of_diff),
        Command::Fingerprint(args) => args.run(global),
        Command::Watch(args) => args.run(global),
        Command::Wait(args) => args.run(global),
        #[cfg(feature = "top")]
        Command::Top(args) => args.run(global),
        Command::Session(args) => args.run(global),
        Command::Replicate(args) => args.run(global),
        Command::Info(args) => args.run(global),
        Command::Doctor(args) => args.run(global),
        Command::Bench(args) => args.run(global),
        Command::Sdk(args) => args.run(global),
        Command::Completions(args) => args.run(Cli::command()),
        Command::Man(args) => args.run(Cli::command()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // Also where `replicate` has taken it for its program.
        Err(failure) => failure.report(words::json(&words)),
    }
}

/// Prints the help that was asked for, or the mistake in the arguments.
fn say(mut error: clap::Error, words: Vec<OsString>) -> ExitCode {
    use clap::error::ErrorKind::{DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand};
    let json = words::json(&words);
    if matches!(
        error.kind(),
        DisplayHelp | DisplayHelpOnMissingArgumentOrSubcommand
    ) {
        // The help describes all subcommands, so all must be built.
        let mut whole = Cli::command();
        whole.build();
        error = (whole.try_get_matches_from(words).err()).unwrap_or(error);
    }
    if json && error.use_stderr() {
        return Failure::arguments(&error).report(json);
    }
    // Where printing fails, the exit status has to do.
    if error.use_stderr() {
        // It quotes the arguments, which may contain control characters.
        for line in error.render().to_string().lines() {
            let _ = writeln!(io::stderr(), "{}", printable::printable(line));
        }
    } else {
        let _ = error.print();
    }
    ExitCode::from(error.exit_code() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    fn parse(words: &str) -> Result<Cli, clap::Error> {
        let words = words.split_whitespace().map(OsString::from).collect();
        Cli::try_parse_from(words::in_order(words))
    }

    #[test]
    fn options_stand_before_the_command_or_behind_it() {
        for words in [
            "a read 0 -s work -t 2 --json",
            "a -s work -t 2 --json read 0",
            "a -s work --json read 0 -t 2 --json",
        ] {
            let words = words.split(' ').map(OsString::from).collect();
            let matches = Cli::command().get_matches_from(words::in_order(words));
            let (_, read) = matches.subcommand().unwrap();
            assert!(read.get_flag("json") && matches.get_flag("json"));
            assert_eq!(read.get_one("table"), Some(&2u32));
            assert!(read.contains_id("session"));
        }
    }

    #[test]
    fn contradictions_are_refused() {
        for words in [
            "--fd 3 -s work list",
            "--fd 3 list -s work",
            "-s work list -s work",
            "-s work read 0 -s other",
            "--fd 3 info --device /x",
            "info -s work --device /x",
            "--device /x run -s work",
            "-t 1 restore --create a",
            "-t 1 destroy 2",
            #[cfg(feature = "top")]
            "-t 1 top --once",
        ] {
            let error = parse(&format!("a {words}")).err().expect(words);
            let kind = error.kind();
            assert_eq!(kind, clap::error::ErrorKind::ArgumentConflict, "{words}");
        }
    }

    /// Each command takes some of the options, and refuses the others, before and after it.
    #[test]
    fn options_without_a_use_are_refused() {
        let options = ["--fd 3", "-s work", "-t 1", "--device /x"];
        for (command, uses) in [
            ("create 1", "--fd -s"),
            ("list", "--fd -s"),
            ("destroy", "--fd -s -t"),
            ("load 0 1", "--fd -s -t"),
            ("accum 0 1", "--fd -s -t"),
            ("rollback 0 1", "--fd -s -t"),
            ("set 0 1", "--fd -s -t"),
            ("cas 0 1 2", "--fd -s -t"),
            ("read 0", "--fd -s -t"),
            ("swap 0", "--fd -s -t"),
            ("batch", "--fd -s -t"),
            ("dump", "--fd -s -t"),
            ("snapshot a", "--fd -s -t"),
            ("restore a", "--fd -s -t"),
            ("diff a", "--fd -s -t"),
            ("fingerprint a", "--fd -s -t"),
            ("watch 0", "--fd -s -t"),
            ("wait 0 1", "--fd -s -t"),
            #[cfg(feature = "top")]
            ("top", "--fd -s -t"),
            ("run", "--fd -s --device"),
            ("info", "--fd -s --device"),
            ("bench", "--fd -s --device"),
            ("session start a", "--device"),
            ("session hold a", "--device"),
            ("session list", ""),
            ("session stop a", ""),
            ("session exec a -- b", "-t"),
            // It passes them all on.
            ("replicate join a", "--fd -s -t --device"),
            ("doctor", ""),
            ("sdk init A", ""),
            ("sdk check a", ""),
            ("sdk generate a --out b", ""),
            ("sdk diff a b", ""),
            ("sdk layout a", ""),
            ("sdk schema", ""),
            ("completions bash", ""),
            ("man", ""),
        ] {
            for option in options {
                let (name, _) = option.split_once(' ').unwrap();
                let takes = uses.split(' ').any(|used| used == name);
                for words in [
                    format!("a {option} {command}"),
                    match command.split_once(" -- ") {
                        Some((words, rest)) => format!("a {words} {option} -- {rest}"),
                        None => format!("a {command} {option}"),
                    },
                ] {
                    assert_eq!(parse(&words).is_ok(), takes, "{words}");
                }
            }
        }
    }

    /// Help lists all of them, though only the one that is called is built.
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
}
