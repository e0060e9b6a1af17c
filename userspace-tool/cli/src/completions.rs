// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl completions`.

use std::io::{self, Write};

use atomik_command_line::completions::{Shell, script};
use clap::Command;

use crate::failure::Failure;

/// Print the completions for a shell
///
/// install.sh installs them. To try them in bash: `source <(atomikctl completions bash)`.
#[derive(clap::Args)]
pub struct Args {
    /// The shell
    shell: Shell,
}

impl Args {
    pub fn run(&self, command: Command) -> Result<(), Failure> {
        io::stdout().write_all(&script(command, self.shell))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::Cli;
    use atomik_command_line::checks;
    use atomik_command_line::completions::Shell;
    use clap::CommandFactory;
    use std::io::Write;
    use std::process::{Command, Stdio};

    fn script(shell: Shell) -> Vec<u8> {
        super::script(Cli::command(), shell)
    }

    #[test]
    fn each_shell_completes_subcommands_and_options() {
        checks::completions(Cli::command, include_str!("../../../packaging/files"));
    }

    /// The words that bash offers for the last of these, and whether it offers files.
    fn offered(words: &[&str]) -> (String, bool) {
        let program = "source /dev/stdin
            compopt() { files=\"$*\"; }
            COMP_WORDS=(\"$@\") COMP_CWORD=$(($# - 1))
            _atomikctl \"$1\" \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD - 1]}\"
            echo \"${files-}:${COMPREPLY[*]}\"";
        let mut bash = Command::new("bash")
            .args(["--norc", "-c", program, "bash"])
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = bash.stdin.take().unwrap();
        stdin.write_all(&script(Shell::Bash)).unwrap();
        drop(stdin);
        let output = bash.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (files, found) = text.trim_end().split_once(':').unwrap();
        (found.into(), files == "-o default")
    }

    #[test]
    fn bash_offers_files_for_files_only() {
        for words in [
            &["atomikctl", "snapshot", "a"][..],
            &["atomikctl", "restore", "--create", "a"],
            &["atomikctl", "-s", "work", "batch", "a"],
            &["atomikctl", "run", "a"],
            &["atomikctl", "session", "exec", "work", "--", "a"],
            &["atomikctl", "sdk", "check", "a"],
            &["atomikctl", "sdk", "generate", "--force", "a"],
            &["atomikctl", "sdk", "diff", "a", "b"],
        ] {
            assert_eq!(offered(words), (String::new(), true), "{words:?}");
        }
        for words in [
            &["atomikctl", "read", "-s", "a"][..],
            &["atomikctl", "snapshot", "-s", "a"],
            &["atomikctl", "snapshot", "-t", "a"],
            &["atomikctl", "info", "--fd", "a"],
            &["atomikctl", "-s", "a"],
        ] {
            assert_eq!(offered(words), ("a".into(), false), "{words:?}");
        }
        for words in [
            &["atomikctl", "session", "start", "a"][..],
            &["atomikctl", "session", "stop", "work", "a"],
            &["atomikctl", "session", "exec", "a"],
            &["atomikctl", "sdk", "init", "a"],
            &["atomikctl", "sdk", "a"],
            &["atomikctl", "read", "a"],
            &["atomikctl", "xyz"],
        ] {
            assert_eq!(offered(words), (String::new(), false), "{words:?}");
        }
        assert_eq!(offered(&["atomikctl", "sna"]).0, "snapshot");
        assert_eq!(offered(&["atomikctl", "read", "-f", "d"]).0, "dec");
        let lang = ["atomikctl", "sdk", "generate", "--lang", "pyt"];
        assert_eq!(offered(&lang).0, "python");
        assert!(
            !String::from_utf8(script(Shell::Bash))
                .unwrap()
                .contains("-o default atomikctl")
        );
    }

    #[test]
    fn zsh_and_fish_offer_files_for_files_only() {
        let zsh = String::from_utf8(script(Shell::Zsh)).unwrap();
        // The program of `session exec` has arguments of its own.
        let default: Vec<_> = zsh
            .lines()
            .filter(|line| line.contains("_default"))
            .collect();
        assert!(
            matches!(default[..], [exec] if exec.contains("program")),
            "{default:?}"
        );
        // Four files, and --device.
        let files = zsh.lines().filter(|line| line.contains(":_files"));
        assert!(files.clone().all(|line| !line.contains("NAME")));
        assert!(files.count() >= 5, "{zsh}");
        let fish = String::from_utf8(script(Shell::Fish)).unwrap();
        assert!(fish.starts_with("complete -c atomikctl -f\n"));
        let options: Vec<_> = fish.lines().filter(|line| line.ends_with(" -r")).collect();
        assert!(options.is_empty(), "{options:?}");
        for name in ["batch", "run", "snapshot", "restore"] {
            let line = format!("-n '__fish_seen_subcommand_from {name}' -F\n");
            assert!(fish.contains(&line), "{line}");
        }
    }
}
