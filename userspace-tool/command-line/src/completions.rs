// SPDX-License-Identifier: MIT OR Apache-2.0

//! Completions for shells, from the definitions of a command's arguments.

use clap::{Command, ValueHint};
pub use clap_complete::Shell;

/// The completions of a command, as a script of the shell.
pub fn script(mut command: Command, shell: Shell) -> Vec<u8> {
    command.build();
    let mut command = without_files(command);
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, &name, &mut script);
    let script = String::from_utf8_lossy(&script);
    let mut takers = vec![];
    file_takers(&command, &mut vec![], &mut takers);
    match shell {
        Shell::Bash => bash(&name, &script, &takers),
        Shell::Fish => fish(&name, &script, &takers),
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
fn bash(name: &str, script: &str, takers: &[Taker]) -> String {
    const OTHER: &str = "                *)\n                    COMPREPLY=()\n";
    const AFTER_DASHES: &str = "[[ \" ${COMP_WORDS[*]:0:COMP_CWORD} \" == *\" -- \"* ]] &&";
    let mut script = script.replace(" -o bashdefault -o default", "");
    let name = name.replace('-', "__");
    for (words, last) in takers {
        let case = words.iter().map(|word| format!("__subcmd__{word}"));
        let case = format!("\n        {name}{})\n", case.collect::<String>());
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
fn fish(name: &str, script: &str, takers: &[Taker]) -> String {
    let mut script = format!("complete -c {name} -f\n{script}");
    for (words, last) in takers {
        let mut seen: Vec<_> = (words.iter())
            .map(|word| format!("__fish_seen_subcommand_from {word}"))
            .collect();
        if *last {
            seen.push("contains -- -- (commandline -opc)".into());
        }
        script += &format!("complete -c {name} -n '{}' -F\n", seen.join("; and "));
    }
    script
}
