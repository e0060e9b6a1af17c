// SPDX-License-Identifier: MIT OR Apache-2.0

use atomik_command_line::completions::{Shell, script};
use clap::Command;

use crate::failure::Failure;
use crate::global::write;

/// Print the completions for a shell
///
/// install.sh installs them. To try them in bash: `source <(atomik-replicate completions bash)`.
#[derive(clap::Args)]
pub struct Args {
    /// The shell
    shell: Shell,
}

impl Args {
    pub fn run(&self, command: Command) -> Result<(), Failure> {
        write(&script(command, self.shell))
    }
}
