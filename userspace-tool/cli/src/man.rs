// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl man`.

use std::io::{self, Write};

use atomik_command_line::man::page;
use clap::Command;

use crate::failure::Failure;

/// Print a manual page, as roff
///
/// `atomikctl man | man -l -` shows it. install.sh installs them all.
#[derive(clap::Args)]
pub struct Args {
    /// The subcommand to describe, such as `session start`; without one, atomikctl itself
    subcommand: Vec<String>,
}

impl Args {
    pub fn run(&self, command: Command) -> Result<(), Failure> {
        let page = page(command, &self.subcommand)
            .map_err(|message| Failure::usage(&message).with_hint("atomikctl --help lists them"))?;
        io::stdout().write_all(&page)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::Cli;
    use atomik_command_line::{checks, man};
    use clap::CommandFactory;

    fn page(subcommand: &[String]) -> Result<Vec<u8>, String> {
        man::page(Cli::command(), subcommand)
    }

    #[test]
    fn each_subcommand_has_a_page_with_its_options() {
        for command in Cli::command().get_subcommands() {
            let page = String::from_utf8(page(&[command.get_name().into()]).unwrap()).unwrap();
            assert!(page.contains(".TH"), "{page}");
            assert!(page.contains("\\-\\-json"), "{page}");
        }
    }

    #[test]
    fn the_main_page_names_the_subcommands_and_the_statuses() {
        let page = String::from_utf8(page(&[]).unwrap()).unwrap();
        for part in ["atomikctl\\-info(1)", "atomikctl\\-run(1)", "EXIT STATUS"] {
            assert!(page.contains(part), "{part} in {page}");
        }
    }

    #[test]
    fn subcommands_of_subcommands_have_pages() {
        let page = page(&["session".into(), "exec".into()]).unwrap();
        let page = String::from_utf8(page).unwrap();
        assert!(page.contains("atomikctl\\-session\\-exec"), "{page}");
        assert!(page.contains("LISTEN_FDS"), "{page}");
    }

    #[cfg(feature = "top")]
    #[test]
    fn all_pages_are_good_and_installed() {
        checks::pages(Cli::command, include_str!("../../../packaging/files"));
    }

    #[test]
    fn synopses_name_options_and_values() {
        let synopsis = |words: &[&str]| {
            let words: Vec<_> = words.iter().map(|word| (*word).into()).collect();
            let page = String::from_utf8(page(&words).unwrap()).unwrap();
            let (_, rest) = page.split_once(".SH SYNOPSIS\n").unwrap();
            let (lines, _) = rest.split_once("\n.").unwrap();
            let mut text = lines.replace('\n', " ");
            for (from, to) in [
                ("\\fB", ""),
                ("\\fI", ""),
                ("\\fR", ""),
                ("\\-", "-"),
                ("\\ ", " "),
            ] {
                text = text.replace(from, to);
            }
            text
        };
        assert_eq!(
            synopsis(&["read"]),
            "atomikctl read [--json] [-f FORMAT] [--fd N] [-s NAME] [-t ID] [-h] ADDR..."
        );
        assert_eq!(
            synopsis(&["load"]),
            "atomikctl load [--json] [--fd N] [-s NAME] [-t ID] [-h] ADDR VALUE..."
        );
        assert_eq!(
            synopsis(&["session", "exec"]),
            "atomikctl session exec [-t ID] [--read-only] [--json] [-h] NAME -- COMMAND..."
        );
        assert_eq!(
            synopsis(&["destroy"]),
            "atomikctl destroy [--json] [--fd N] [-s NAME] [-t ID] [-h] [ID...]"
        );
        assert!(
            synopsis(&[]).ends_with("[-h] [-V] COMMAND ..."),
            "{}",
            synopsis(&[])
        );
    }

    #[test]
    fn an_unknown_subcommand_is_refused() {
        assert!(page(&["dance".into()]).is_err());
    }
}
