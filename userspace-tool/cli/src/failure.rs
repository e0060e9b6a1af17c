// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Failure`]: why the command fails, and its exit status.

use std::error::Error;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

use atomik::session::SessionError;
use atomik::snapshot::SnapshotError;
use serde::Serialize;

use crate::printable::{json, printable};

/// Why the command fails. `--help` explains the statuses.
#[derive(Debug)]
pub struct Failure {
    status: u8,
    messages: Vec<String>,
    hint: Option<String>,
}

/// A message, in JSON.
#[derive(Serialize)]
struct Record<'a> {
    error: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    status: u8,
}

impl Failure {
    /// An operation failed; `location` names it and where it stands.
    pub fn operation(location: &str, error: &atomik::Error) -> Self {
        Self {
            status: 1,
            messages: vec![format!("{location}: {}", chain(error))],
            hint: error.hint(),
        }
    }

    /// An operation failed; the error names it.
    pub fn of(error: &atomik::Error) -> Self {
        Self {
            status: 1,
            messages: vec![chain(error)],
            hint: error.hint(),
        }
    }

    /// A failure that has only a message.
    pub fn plain(message: &str) -> Self {
        Self {
            status: 1,
            messages: vec![message.into()],
            hint: None,
        }
    }

    /// The arguments or the input have a mistake.
    pub fn usage(message: &str) -> Self {
        Self::script(vec![message.into()], None)
    }

    /// The arguments can't be parsed.
    pub fn arguments(error: &clap::Error) -> Self {
        let text = error.render().to_string();
        let (message, rest) = text.split_once("\n\n").unwrap_or((&text, ""));
        let message = message.strip_prefix("error: ").unwrap_or(message);
        Self::usage(message.trim()).with_hint(rest.trim())
    }

    /// No open file was named, so the table would end with this command.
    pub fn no_file() -> Self {
        Self::usage(
            "which open file? Tables belong to one, and a file that this command opened would \
             have none",
        )
        .with_hint(
            "`atomikctl session start NAME`, then -s NAME; or `exec 3<>/dev/atomik`, then \
                 --fd 3",
        )
    }

    /// A session can't be made, reached or used.
    pub fn session(error: &SessionError) -> Self {
        let status = match error {
            SessionError::Name { .. } => 2,
            SessionError::Exists { .. } => 1,
            _ => 3,
        };
        Self {
            status,
            messages: vec![chain(error)],
            hint: error.hint(),
        }
    }

    /// A snapshot can't be taken, written, read or restored.
    pub fn snapshot(error: &SnapshotError) -> Self {
        Self {
            status: 1,
            messages: vec![chain(error)],
            hint: error.hint(),
        }
    }

    /// Another program has printed the reason.
    pub fn silent(status: u8) -> Self {
        Self {
            status,
            messages: vec![],
            hint: None,
        }
    }

    /// Names the file that it is about.
    pub fn named(mut self, file: &Path) -> Self {
        for message in &mut self.messages {
            *message = format!("{}: {message}", file.display());
        }
        self
    }

    /// With another exit status.
    pub fn with_status(mut self, status: u8) -> Self {
        self.status = status;
        self
    }

    /// With what to do next.
    pub fn with_hint(mut self, hint: &str) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// An operation had no table to work on; `location` names it and where it stands.
    pub fn no_table(location: &str) -> Self {
        Self {
            status: 1,
            messages: vec![format!("{location}: there is no current table")],
            hint: Some("`create N` makes a table, `table ID` chooses one".into()),
        }
    }

    /// The script can't be read or has mistakes.
    pub fn script(messages: Vec<String>, hint: Option<String>) -> Self {
        Self {
            status: 2,
            messages,
            hint,
        }
    }

    /// The device can't be opened.
    pub fn device(error: &atomik::Error) -> Self {
        Self {
            status: 3,
            messages: vec![chain(error)],
            hint: error.hint(),
        }
    }

    /// The installation is unsound; `doctor` has printed the reasons.
    pub fn unsound(failed: usize, checks: usize) -> Self {
        Self {
            status: 1,
            messages: vec![format!("{failed} of {checks} checks failed")],
            hint: None,
        }
    }

    /// Prints the messages on standard error: as text, or each as JSON in a line.
    pub fn report(&self, json: bool) -> ExitCode {
        let text = if json { self.json() } else { self.text() };
        // Where standard error is closed, the exit status has to do.
        let _ = io::stderr().write_all(text.as_bytes());
        ExitCode::from(self.status)
    }

    fn json(&self) -> String {
        let line = |message: &String| {
            let record = Record {
                error: message,
                hint: self.hint.as_deref(),
                status: self.status,
            };
            // Text can always be written as JSON.
            json(&record).map_or_else(|_| String::new(), |text| text + "\n")
        };
        self.messages.iter().map(line).collect()
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for message in &self.messages {
            text += &format!("atomikctl: {}\n", printable(message));
        }
        // No hint without a message.
        if let (Some(hint), false) = (&self.hint, self.messages.is_empty()) {
            text += &format!("hint: {}\n", printable(hint));
        }
        text
    }
}

/// Standard output can't be written.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        // The reader has closed the pipe, which is no error: end silently, with the status that a
        // shell shows for a program that SIGPIPE ended.
        if error.kind() == ErrorKind::BrokenPipe {
            return Self {
                status: 141,
                messages: vec![],
                hint: None,
            };
        }
        Self {
            status: 1,
            messages: vec![format!("can't write the output: {error}")],
            hint: None,
        }
    }
}

/// An error with all its causes.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_failures_tell_cause_and_remedy() {
        let error = atomik::Device::open_path("/nowhere").unwrap_err();
        let failure = Failure::device(&error);
        assert_eq!(
            failure.messages,
            ["no atomik device at /nowhere: No such file or directory (os error 2)"]
        );
        assert!(failure.hint.unwrap().contains("modprobe"));
        assert_eq!(failure.status, 3);
    }

    /// Errors quote input, such as serde's an unknown field and the system's a path.
    #[test]
    fn what_comes_from_elsewhere_is_printable() {
        let failure = Failure::usage("unknown field `\x1b[2J`, expected\nop").with_hint("\u{9b}m");
        let expected = "atomikctl: unknown field `\\u{1b}[2J`, expected\\nop\nhint: \\u{9b}m\n";
        assert_eq!(failure.text(), expected);
    }

    #[test]
    fn each_message_is_an_object_in_a_line() {
        let messages = vec!["a \"b\"\n".into(), "\x1b[2J".into()];
        let failure = Failure::script(messages, Some("c".into()));
        let expected = "{\"error\":\"a \\\"b\\\"\\n\",\"hint\":\"c\",\"status\":2}\n\
            {\"error\":\"\\u001b[2J\",\"hint\":\"c\",\"status\":2}\n";
        assert_eq!(failure.json(), expected);
    }

    #[test]
    fn arguments_that_are_wrong() {
        let error = clap::Command::new("a").try_get_matches_from(["a", "--b"]);
        let failure = Failure::arguments(&error.unwrap_err());
        assert_eq!(failure.messages, ["unexpected argument '--b' found"]);
        assert!(failure.hint.unwrap().starts_with("Usage: a"));
    }

    #[test]
    fn a_closed_pipe_is_not_worth_a_word() {
        let failure = Failure::from(io::Error::from(ErrorKind::BrokenPipe));
        let failure = failure.with_hint("the first 2 operations were done");
        assert_eq!((failure.text(), failure.json()), Default::default());
    }
}
