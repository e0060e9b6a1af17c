// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl man`.

use std::io::{self, Write};

use clap::{Arg, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, italic, roman};

use crate::failure::Failure;
use crate::script::number::quoted;

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
        let page = page(command, &self.subcommand)?;
        io::stdout().write_all(&page)?;
        Ok(())
    }
}

/// The date of the pages' last change.
const DATE: &str = "2026-11-27";

/// Left-aligned text without hyphenation, so that options and names stay as they are typed.
const LAYOUT: &str = ".nh\n.ad l\n";

fn page(command: Command, subcommand: &[String]) -> Result<Vec<u8>, Failure> {
    let mut command = command.disable_help_subcommand(true);
    // Pass global options to the subcommands, and give each its full name.
    command.build();
    let mut title = "atomikctl".to_owned();
    for name in subcommand {
        command = command.find_subcommand(name).cloned().ok_or_else(|| {
            Failure::script(
                vec![format!("there is no subcommand {}", quoted(name))],
                Some("atomikctl --help lists them".into()),
            )
        })?;
        title = format!("{title}-{name}");
    }
    let man = Man::new(command.clone())
        .title(title)
        .section("1")
        .date(DATE)
        .source(concat!("atomik ", env!("CARGO_PKG_VERSION")))
        .manual("atomik");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    page.write_all(LAYOUT.as_bytes())?;
    man.render_name_section(&mut page)?;
    page.write_all(synopsis(&command).as_bytes())?;
    man.render_description_section(&mut page)?;
    let mut options = Vec::new();
    man.render_options_section(&mut options)?;
    // An empty line in roff is no paragraph.
    let options = (String::from_utf8_lossy(&options))
        .replace("\n.br\n\n.br\n", "\n\n")
        .replace("\n\n", "\n.sp\n");
    page.write_all(options.as_bytes())?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    if let Some(text) = command.get_after_help() {
        page.write_all(section(&text.to_string()).as_bytes())?;
    }
    Ok(in_ascii(&String::from_utf8_lossy(&page)).into_bytes())
}

/// Escapes characters that older tools don't read in every locale.
fn in_ascii(text: &str) -> String {
    let mut ascii = String::new();
    for c in text.chars() {
        match c.is_ascii() {
            true => ascii.push(c),
            false => ascii += &format!("\\[u{:04X}]", u32::from(c)),
        }
    }
    ascii
}

/// A space at which lines must not be broken.
const UNDIVIDED: char = '\u{a0}';

/// The synopsis of a command, with the names of all values.
fn synopsis(command: &Command) -> String {
    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]);
    let name = command.get_bin_name().unwrap_or(command.get_name());
    roff.text([bold(name)]);
    let options =
        (command.get_arguments()).filter(|arg| !arg.is_positional() && !arg.is_hide_set());
    for arg in options.chain(command.get_positionals()) {
        roff.text(usage(arg));
    }
    if command.has_subcommands() {
        roff.text([italic("COMMAND"), roman(" ...")]);
    }
    roff.to_roff().replace(UNDIVIDED, "\\ ")
}

/// An argument as it is typed, such as `[-s NAME]`, made of clap's `--session <NAME>`.
fn usage(arg: &Arg) -> Vec<Inline> {
    let said = arg.to_string();
    let said = said.trim_start_matches('[').trim_end_matches(']');
    let (values, more) = match said.strip_suffix("...") {
        Some(values) => (values.trim_end_matches(']'), "..."),
        None => (said, ""),
    };
    let mut parts = vec![];
    if arg.is_last_set() {
        parts.push(bold("--"));
    }
    for word in values.split(' ').filter(|word| !word.is_empty()) {
        if !parts.is_empty() {
            parts.push(roman(UNDIVIDED.to_string()));
        }
        let option = (arg
            .get_short()
            .filter(|_| word.starts_with("--") && word.len() > 2))
        .map(|short| format!("-{short}"));
        parts.push(match word.strip_prefix('-') {
            Some(_) => bold(option.unwrap_or_else(|| word.into())),
            None => italic(word.trim_matches(['<', '>'])),
        });
    }
    parts.push(roman(more));
    if !arg.is_required_set() {
        parts.insert(0, roman("["));
        parts.push(roman("]"));
    }
    parts
}

/// A section from a text that begins with its heading and a colon. Indented lines stay as they are.
fn section(text: &str) -> String {
    let (heading, text) = text.split_once(':').unwrap_or(("", text));
    let mut roff = Roff::new();
    roff.control("SH", [heading.to_uppercase().as_str()]);
    let mut indented = false;
    let mut paragraph = false;
    for line in text.trim_start_matches('\n').lines() {
        if line.trim().is_empty() {
            paragraph = true;
            continue;
        }
        if line.starts_with("  ") != indented {
            indented = !indented;
            if std::mem::take(&mut paragraph) {
                roff.control("PP", []);
            }
            roff.control(if indented { "nf" } else { "fi" }, []);
        }
        if std::mem::take(&mut paragraph) {
            roff.control("PP", []);
        }
        roff.text([roman(if indented { line } else { line.trim() })]);
    }
    if indented {
        roff.control("fi", []);
    }
    roff.to_roff()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cli;
    use clap::CommandFactory;

    fn page(subcommand: &[String]) -> Result<Vec<u8>, Failure> {
        super::page(Cli::command(), subcommand)
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

    /// The words that name each page, as install.sh's list has them.
    fn pages(command: &clap::Command, words: &str, found: &mut Vec<String>) {
        found.push(words.into());
        for sub in command.get_subcommands() {
            pages(sub, &format!("{words}:{}", sub.get_name()), found);
        }
    }

    /// A page that packaging/files lacked would not be installed.
    #[cfg(feature = "top")]
    #[test]
    fn all_pages_are_installed() {
        let mut command = Cli::command().disable_help_subcommand(true);
        command.build();
        let mut expected = vec![];
        pages(&command, "@atomikctl:man", &mut expected);
        expected.sort();
        let files = include_str!("../../../packaging/files");
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

    /// The pages of all commands, by the words that name them.
    fn all() -> Vec<(String, String)> {
        let mut command = Cli::command().disable_help_subcommand(true);
        command.build();
        let mut names = vec![];
        pages(&command, "", &mut names);
        let page = |name: String| {
            let words: Vec<_> = name.split(':').skip(1).map(String::from).collect();
            let text = String::from_utf8(page(&words).unwrap()).unwrap();
            (name, text)
        };
        names.into_iter().map(page).collect()
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

    /// Lines are short enough that man has nothing to warn of on a terminal of 80 columns.
    #[test]
    fn pages_fit_80_columns() {
        for (name, page) in all() {
            let title = page.lines().find(|line| line.starts_with(".TH ")).unwrap();
            assert!(
                title.contains(DATE) && title.ends_with("\" atomik"),
                "{title}"
            );
            assert!(page.contains(LAYOUT), "{name}");
            let mut filled = true;
            for line in page.lines() {
                assert_eq!(line, line.trim_end(), "{name}");
                assert_ne!(line, "", "{name}");
                match line {
                    ".nf" => filled = false,
                    ".fi" => filled = true,
                    _ => {}
                }
                let shown = line.replace("\\-", "-").replace("\\*(Aq", "'");
                let longest = match filled {
                    true => shown.split(' ').map(|word| word.chars().count()).max(),
                    false => Some(shown.chars().count()),
                };
                // An option's text is indented by 14, and its values by 10 more.
                let room = if filled { 55 } else { 73 };
                assert!(longest <= Some(room), "{name}: {line}");
            }
            assert!(filled, "{name}");
        }
    }

    /// Where groff is installed, it confirms that.
    #[test]
    fn groff_has_nothing_to_warn_of() {
        let directory = tempfile::tempdir().unwrap();
        for (name, page) in all() {
            let path = directory.path().join("page.1");
            std::fs::write(&path, page).unwrap();
            let words = ["-man", "-ww", "-z", "-rLL=80n", "-Tutf8"];
            let ran = std::process::Command::new("groff")
                .args(words)
                .arg(&path)
                .output();
            match ran {
                Ok(ran) => assert!(ran.stderr.is_empty(), "{name}: {ran:?}"),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return,
                Err(error) => panic!("{error}"),
            }
        }
    }

    #[test]
    fn an_unknown_subcommand_is_refused() {
        assert!(page(&["dance".into()]).is_err());
    }
}
