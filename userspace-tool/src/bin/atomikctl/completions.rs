// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl completions`.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::Shell;

use crate::Cli;
use crate::failure::Failure;

/// Print the completions for a shell
///
/// install.sh installs them. By hand, for bash: `source <(atomikctl completions bash)`.
#[derive(clap::Args)]
pub struct Args {
    /// The shell
    shell: Shell,
}

impl Args {
    pub fn run(&self) -> Result<(), Failure> {
        io::stdout().write_all(&script(self.shell))?;
        Ok(())
    }
}

fn script(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "atomikctl", &mut script);
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shell_completes_subcommands_and_options() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = String::from_utf8(script(shell)).unwrap();
            assert!(script.contains("doctor"), "{shell}");
            assert!(script.contains("json"), "{shell}");
            let source = format!("@atomikctl:completions:{shell}\t");
            let files = include_str!("../../../../packaging/files");
            assert!(files.contains(&source), "{shell} is not installed");
        }
    }
}
