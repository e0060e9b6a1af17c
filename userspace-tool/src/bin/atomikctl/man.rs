// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl man`.

use std::io::{self, Write};

use clap::CommandFactory;

use crate::Cli;
use crate::failure::Failure;

/// Print a manual page, as roff
///
/// `atomikctl man | man -l -` shows it. install.sh installs them all.
#[derive(clap::Args)]
pub struct Args {
    /// The subcommand whose page it is, such as `session start`; without one, the page of atomikctl
    /// itself
    subcommand: Vec<String>,
}

impl Args {
    pub fn run(&self) -> Result<(), Failure> {
        let page = page(&self.subcommand)?;
        io::stdout().write_all(&page)?;
        Ok(())
    }
}

fn page(subcommand: &[String]) -> Result<Vec<u8>, Failure> {
    let mut command = Cli::command().disable_help_subcommand(true);
    // Global options reach the subcommands, and each gets its full name.
    command.build();
    let mut title = "atomikctl".to_owned();
    for name in subcommand {
        command = command.find_subcommand(name).cloned().ok_or_else(|| {
            Failure::script(
                vec![format!("there is no subcommand '{name}'")],
                Some("atomikctl --help lists them".into()),
            )
        })?;
        title = format!("{title}-{name}");
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .title(title)
        .section("1")
        .manual("atomik")
        .render(&mut page)?;
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        for part in ["atomikctl\\-info(1)", "atomikctl\\-run(1)", "Exit status"] {
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

    /// The words that name each page, as install.sh's list has them.
    fn pages(command: &clap::Command, words: &str, found: &mut Vec<String>) {
        found.push(words.into());
        for sub in command.get_subcommands() {
            pages(sub, &format!("{words}:{}", sub.get_name()), found);
        }
    }

    /// Forgetting one in packaging/files would install an incomplete manual.
    #[test]
    fn all_pages_are_installed() {
        let mut command = Cli::command().disable_help_subcommand(true);
        command.build();
        let mut expected = vec![];
        pages(&command, "@atomikctl:man", &mut expected);
        expected.sort();
        let files = include_str!("../../../../packaging/files");
        let mut installed: Vec<_> = (files.lines())
            .filter_map(|line| line.split('\t').nth(1))
            .filter(|source| source.starts_with("@atomikctl:man"))
            .collect();
        installed.sort_unstable();
        assert_eq!(installed, expected);
        for words in expected {
            let name = words
                .replace("@atomikctl:man", "atomikctl")
                .replace(':', "-");
            let path = format!("/usr/local/share/man/man1/{name}.1\n");
            assert!(files.contains(&path), "{path}");
        }
    }

    #[test]
    fn an_unknown_subcommand_is_refused() {
        assert!(page(&["dance".into()]).is_err());
    }
}
