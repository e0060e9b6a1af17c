// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Failure`]: why the command fails, and its exit status.

use std::error::Error;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

use atomik::Operation;
use atomik::session::SessionError;
use atomik::snapshot::SnapshotError;
use serde::Serialize;

use crate::format::hex;
use crate::printable::{json, printable};

/// Why the command fails. `--help` explains the statuses.
#[derive(Debug)]
pub struct Failure {
    status: u8,
    messages: Vec<String>,
    hint: Option<String>,
    condition: Option<Condition>,
}

/// The exit status where a condition doesn't hold.
const UNMET: u8 = 4;

/// The exit status where --timeout is over, as of timeout(1).
const OVER: u8 = 124;

/// A condition that doesn't hold: a context that hasn't the expected state. In JSON, part of the
/// message.
#[derive(Debug, Serialize)]
struct Condition {
    addr: u32,
    expected: String,
    found: String,
}

/// A message, in JSON.
#[derive(Serialize)]
struct Record<'a> {
    error: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    status: u8,
    #[serde(flatten)]
    condition: Option<&'a Condition>,
}

impl Failure {
    /// An operation failed; `location` names it and where it stands.
    pub fn operation(location: &str, error: &atomik::Error) -> Self {
        Self::of(error).at(location)
    }

    /// An operation failed; the error names it.
    pub fn of(error: &atomik::Error) -> Self {
        let message = match *error {
            atomik::Error::Canceled {
                addr,
                expected,
                found,
                ..
            } => return Self::condition(addr, &hex(expected), &hex(found)),
            // An exported table's descriptor refuses these whatever its rights are.
            atomik::Error::ReadOnly {
                op: Operation::CreateTable | Operation::DestroyTable | Operation::Export,
            } => chain(error),
            atomik::Error::ReadOnly { op } => {
                format!("{op} was refused: this descriptor is read-only")
            }
            _ => chain(error),
        };
        let hint = match error {
            atomik::Error::NoSuchTable { .. } => Some(
                "`atomikctl list` shows the tables of this file; a table in the place of a \
                 destroyed one has an id higher by 256"
                    .into(),
            ),
            error => error.hint(),
        };
        Self {
            hint,
            ..Self::plain(&message)
        }
    }

    /// An `expect` doesn't hold.
    fn condition(addr: u32, expected: &str, found: &str) -> Self {
        let message =
            format!("the state at address {addr} is {found}, where {expected} was expected");
        Self {
            condition: Some(Condition {
                addr,
                expected: expected.into(),
                found: found.into(),
            }),
            ..Self::plain(&message).with_status(UNMET)
        }
    }

    /// `cas` has printed the state, which isn't the expected one.
    pub fn unmet() -> Self {
        Self::silent(UNMET)
    }

    /// --timeout is over, before what should have come.
    pub fn over(message: &str) -> Self {
        Self::plain(&format!("--timeout is over: {message}")).with_status(OVER)
    }

    /// `diff` has printed what differs.
    pub fn difference() -> Self {
        Self::silent(1)
    }

    /// A failure that has only a message.
    pub fn plain(message: &str) -> Self {
        Self {
            messages: vec![message.into()],
            ..Self::silent(1)
        }
    }

    /// A failure of several messages.
    pub fn several(messages: Vec<String>) -> Self {
        Self {
            messages,
            ..Self::silent(1)
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
            hint: error.hint(),
            ..Self::plain(&chain(error)).with_status(status)
        }
    }

    /// A snapshot can't be taken, written, read or restored.
    pub fn snapshot(error: &SnapshotError) -> Self {
        match error {
            SnapshotError::Device(error) => Self::of(error),
            error => Self {
                hint: error.hint(),
                ..Self::plain(&chain(error))
            },
        }
    }

    /// Of `diff`: as with diff(1), what has a message is trouble, and 1 means a difference.
    pub fn of_diff(mut self) -> Self {
        if self.status == 1 && !self.messages.is_empty() {
            self.status = 2;
        }
        self
    }

    /// Another program has printed the reason, or the output is the reason.
    pub fn silent(status: u8) -> Self {
        Self {
            status,
            messages: vec![],
            hint: None,
            condition: None,
        }
    }

    /// Names the file that it is about.
    pub fn named(self, file: &Path) -> Self {
        self.at(&file.display().to_string())
    }

    /// Names the place that it is about.
    fn at(mut self, location: &str) -> Self {
        for message in &mut self.messages {
            *message = format!("{location}: {message}");
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
        Self::plain(&format!("{location}: there is no current table"))
            .with_hint("`create N` makes a table, `table ID` chooses one")
    }

    /// The script can't be read or has mistakes.
    pub fn script(messages: Vec<String>, hint: Option<String>) -> Self {
        Self {
            messages,
            hint,
            ..Self::silent(2)
        }
    }

    /// The device can't be opened.
    pub fn device(error: &atomik::Error) -> Self {
        Self::of(error).with_status(3)
    }

    /// The installation is unsound; `doctor` has printed the reasons.
    pub fn unsound(failed: usize, checks: usize) -> Self {
        Self::plain(&format!("{failed} of {checks} checks failed"))
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
                condition: self.condition.as_ref(),
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
            return Self::silent(141);
        }
        Self::plain(&format!("can't write the output: {error}"))
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

    /// A descriptor of the device refuses any batch, an exported one also serves some.
    #[test]
    fn what_a_read_only_descriptor_refuses_need_not_change_anything() {
        let op = Operation::Batch;
        let failure = Failure::of(&atomik::Error::ReadOnly { op });
        let message = "BATCH was refused: this descriptor is read-only";
        assert_eq!(failure.messages, [message]);
    }

    /// Errors quote input, such as serde's an unknown field and the system's a path.
    #[test]
    fn what_comes_from_elsewhere_is_printable() {
        let failure = Failure::usage("unknown field `\x1b[2J`, expected\nop").with_hint("\u{9b}m");
        let expected = "atomikctl: unknown field `\\u{1b}[2J`, expected\\nop\nhint: \\u{9b}m\n";
        assert_eq!(failure.text(), expected);
    }

    #[test]
    fn an_unmet_condition_has_its_numbers_in_json() {
        let error = atomik::Error::Canceled {
            entry: 7,
            addr: 3,
            expected: 5,
            found: u64::MAX,
        };
        let failure = Failure::operation("a:9", &error);
        let message = "a:9: the state at address 3 is 0xffffffffffffffff, where \
            0x0000000000000005 was expected";
        assert_eq!(failure.text(), format!("atomikctl: {message}\n"));
        let expected = format!(
            "{{\"error\":\"{message}\",\"status\":4,\"addr\":3,\
             \"expected\":\"0x0000000000000005\",\"found\":\"0xffffffffffffffff\"}}\n"
        );
        assert_eq!(failure.json(), expected);
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
