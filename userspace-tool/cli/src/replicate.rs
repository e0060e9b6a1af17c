// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl replicate`.

use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::global::Global;

/// Share a table with other machines
///
/// This starts `atomik-replicate` with the same arguments, -s, --fd and $ATOMIK_SESSION among them.
/// It is the program beside atomikctl, else that of $PATH. `atomikctl replicate join --help`, or
/// atomik-replicate-join(1), describes the first of its commands.
#[derive(clap::Args)]
#[command(after_help = COMMANDS)]
pub struct Args {
    /// A command of atomik-replicate, and its arguments
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "COMMAND"
    )]
    command: Vec<OsString>,
}

const COMMANDS: &str = "\
Commands:
  join NAME         keep this machine's table the same as the others'
  status NAME       nodes, their lag, the log and its snapshots
  verify NAME       compare the tables of all nodes
  leave NAME        take this machine's node out
  remove NAME NODE  take a node out that is gone for good";

const PROGRAM: &str = "atomik-replicate";

impl Args {
    pub fn run(&self, global: &Global) -> Result<(), Failure> {
        let beside = std::env::current_exe().ok();
        let beside = beside.as_deref().and_then(Path::parent);
        let error = Command::new(program(beside))
            .args(&self.command)
            // It stood before the command, and was taken as this program's own.
            .args(global.json.then_some("--json"))
            .exec();
        Err(failure(&error))
    }
}

/// The program in this directory where there is one, else the one to look for in $PATH.
fn program(beside: Option<&Path>) -> PathBuf {
    beside
        .map(|directory| directory.join(PROGRAM))
        .filter(|path| path.exists())
        .unwrap_or_else(|| PROGRAM.into())
}

fn failure(error: &io::Error) -> Failure {
    match error.kind() {
        ErrorKind::NotFound => Failure::plain(
            "atomik-replicate isn't installed: it is neither beside atomikctl nor in $PATH",
        )
        .with_hint(
            "apt-get install atomik-replicate, where atomikctl is Debian's; install.sh installs \
             both; in a clone, `make tool replicator` builds them",
        )
        .with_status(127),
        _ => Failure::plain(&format!("atomik-replicate can't be run: {error}")).with_status(126),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        global: Global,
        #[command(flatten)]
        args: Args,
    }

    fn passed_on(text: &str) -> (Vec<OsString>, bool) {
        let given = text.split(' ').map(OsString::from).collect();
        let mut words = words::in_order(given);
        assert_eq!(words.remove(1), "replicate");
        let cli = Cli::try_parse_from(words).unwrap();
        (cli.args.command, cli.global.json)
    }

    #[test]
    fn arguments_go_on_as_they_are() {
        for (given, expected) in [
            ("a replicate join x --node b", "join x --node b"),
            ("a -s work replicate join x", "join x -s work"),
            ("a --fd 3 replicate join x --json", "join x --json --fd 3"),
            ("a replicate join --help", "join --help"),
            ("a replicate --nats b status x", "--nats b status x"),
            ("a replicate status x -- y", "status x -- y"),
        ] {
            let expected = expected.split(' ').map(OsString::from).collect();
            assert_eq!(passed_on(given), (expected, false), "{given}");
        }
        let (words, json) = passed_on("a replicate --json status x");
        assert_eq!((words, json), (vec!["status".into(), "x".into()], true));
    }

    #[test]
    fn the_program_beside_comes_first() {
        let directory = tempfile::tempdir().unwrap();
        let found = || program(Some(directory.path()));
        assert_eq!(found(), Path::new(PROGRAM));
        std::fs::write(directory.path().join(PROGRAM), "").unwrap();
        assert_eq!(found(), directory.path().join(PROGRAM));
        assert_eq!(program(None), Path::new(PROGRAM));
    }
}
