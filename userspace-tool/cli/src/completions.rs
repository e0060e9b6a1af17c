// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl completions`.

use std::io::{self, Write};

use clap::{Command, ValueHint};
use clap_complete::Shell;

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

fn script(mut command: Command, shell: Shell) -> Vec<u8> {
    command.build();
    let mut command = without_files(command);
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "atomikctl", &mut script);
    let script = String::from_utf8_lossy(&script);
    let mut takers = vec![];
    file_takers(&command, &mut vec![], &mut takers);
    match shell {
        Shell::Bash => bash(&script, &takers),
        Shell::Fish => fish(&script, &takers),
        _ => script.into_owned(),
    }
    .into_bytes()
}

/// Marks values without a hint as no files: they are names and numbers.
fn without_files(command: Command) -> Command {
    command
        .mut_args(|arg| match arg.get_value_hint() {
            // The last argument is a program with arguments of its own.
            ValueHint::Unknown if !arg.is_last_set() => arg.value_hint(ValueHint::Other),
            _ => arg,
        })
        .mut_subcommands(without_files)
}

/// The words of a command that takes a file, and whether it takes it only after `--`.
type Taker = (Vec<String>, bool);

fn file_takers(command: &Command, words: &mut Vec<String>, found: &mut Vec<Taker>) {
    for arg in command.get_positionals() {
        if matches!(
            arg.get_value_hint(),
            ValueHint::AnyPath | ValueHint::Unknown
        ) {
            found.push((words.clone(), arg.is_last_set()));
        }
    }
    for sub in command.get_subcommands() {
        words.push(sub.get_name().into());
        file_takers(sub, words, found);
        words.pop();
    }
}

/// Makes bash offer files for arguments that are files, instead of wherever it finds nothing else.
fn bash(script: &str, takers: &[Taker]) -> String {
    const OTHER: &str = "                *)\n                    COMPREPLY=()\n";
    const AFTER_DASHES: &str = "[[ \" ${COMP_WORDS[*]:0:COMP_CWORD} \" == *\" -- \"* ]] &&";
    let mut script = script.replace(" -o bashdefault -o default", "");
    for (words, last) in takers {
        let case = words.iter().map(|word| format!("__subcmd__{word}"));
        let case = format!("\n        atomikctl{})\n", case.collect::<String>());
        let Some((before, after)) = script.split_once(&case) else {
            continue;
        };
        let only = if *last { AFTER_DASHES } else { "" };
        let files = format!("{OTHER}                    {only} compopt -o default && return 0\n");
        // The first word may be a file as well.
        let first = format!(" || ${{COMP_CWORD}} -eq {}", words.len() + 1);
        let after = after.replacen(&first, "", 1).replacen(OTHER, &files, 1);
        script = format!("{before}{case}{after}");
    }
    script
}

/// Makes fish offer files for arguments that are files, instead of everywhere.
fn fish(script: &str, takers: &[Taker]) -> String {
    let mut script = format!("complete -c atomikctl -f\n{script}");
    for (words, last) in takers {
        let mut seen: Vec<_> = (words.iter())
            .map(|word| format!("__fish_seen_subcommand_from {word}"))
            .collect();
        if *last {
            seen.push("contains -- -- (commandline -opc)".into());
        }
        script += &format!("complete -c atomikctl -n '{}' -F\n", seen.join("; and "));
    }
    script
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cli;
    use clap::CommandFactory;
    use std::process::{Command, Stdio};

    fn script(shell: Shell) -> Vec<u8> {
        super::script(Cli::command(), shell)
    }

    #[test]
    fn each_shell_completes_subcommands_and_options() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = String::from_utf8(script(shell)).unwrap();
            assert!(script.contains("doctor"), "{shell}");
            assert!(script.contains("json"), "{shell}");
            let source = format!("@atomikctl:completions:{shell}\t");
            let files = include_str!("../../../packaging/files");
            assert!(files.contains(&source), "{shell} is not installed");
        }
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
