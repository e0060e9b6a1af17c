// SPDX-License-Identifier: MIT OR Apache-2.0

//! Manual pages, from the definitions of a command's arguments.

use std::io::{self, Write};

use clap::{Arg, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, italic, roman};

/// The date of the pages' last change.
pub(crate) const DATE: &str = "2026-11-27";

/// Left-aligned text without hyphenation, so that options and names stay as they are typed.
pub(crate) const LAYOUT: &str = ".nh\n.ad l\n";

/// The manual page of a command, or of the subcommand that these words name, as roff.
///
/// # Errors
///
/// A message, where there is no such subcommand.
pub fn page(command: Command, subcommand: &[String]) -> Result<Vec<u8>, String> {
    let mut command = command.disable_help_subcommand(true);
    // Pass global options to the subcommands, and give each its full name.
    command.build();
    let mut title = command.get_name().to_owned();
    for name in subcommand {
        command = (command.find_subcommand(name).cloned())
            .ok_or_else(|| format!("there is no subcommand `{}`", name.escape_debug()))?;
        title = format!("{title}-{name}");
    }
    render(&command, &title).map_err(|error| format!("the page can't be written: {error}"))
}

fn render(command: &Command, title: &str) -> io::Result<Vec<u8>> {
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
    page.write_all(synopsis(command).as_bytes())?;
    man.render_description_section(&mut page)?;
    let mut options = Vec::new();
    man.render_options_section(&mut options)?;
    // An empty line in roff is no paragraph.
    let options = (String::from_utf8_lossy(&options))
        .replace("\n.br\n\n.br\n", "\n\n")
        .replace(" \n", "\n")
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
    let said = match arg.is_positional() {
        true => said.trim_start_matches('[').trim_end_matches(']'),
        false => &said,
    };
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
        if let Some((name, value)) = word.split_once("[=<") {
            let value = italic(value.trim_end_matches(">]"));
            parts.extend([bold(name), roman("[="), value, roman("]")]);
            continue;
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

    #[test]
    fn an_option_may_do_without_its_value() {
        let arg = Arg::new("metrics").long("metrics").value_name("ADDR");
        let arg = arg.num_args(0..=1).require_equals(true);
        let page = page(Command::new("a").arg(arg), &[]).unwrap();
        let page = String::from_utf8(page).unwrap();
        let synopsis = "[\\fB\\-\\-metrics\\fR[=\\fIADDR\\fR]]";
        assert!(page.contains(synopsis), "{synopsis} in {page}");
    }
}
