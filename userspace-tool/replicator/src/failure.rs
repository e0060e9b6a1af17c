// SPDX-License-Identifier: MIT OR Apache-2.0

use std::io::{self, Write};
use std::process::ExitCode;

use atomik_replicate::Error;
use serde_json::json;

use crate::global::{self, Global};

/// A reason why the command fails, and its exit status. `--help` explains the statuses.
#[derive(Debug)]
pub struct Failure {
    status: u8,
    message: String,
    hint: Option<String>,
    passing: bool,
}

/// The status where starting the agent again can't help.
const FINAL: u8 = 3;

impl Failure {
    /// A failure that has only a message.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            status: 1,
            message: message.into(),
            hint: None,
            passing: false,
        }
    }

    /// The arguments have a mistake.
    pub fn usage(message: impl Into<String>) -> Self {
        Self {
            status: 2,
            ..Self::new(message)
        }
    }

    /// The same, with what to do next.
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// The same; it may be over soon, as where servers of a cluster choose another leader.
    pub fn for_now(self) -> Self {
        Self {
            passing: true,
            ..self
        }
    }

    /// Whether it may be over soon.
    pub fn is_passing(&self) -> bool {
        self.passing
    }

    /// The same; starting the agent again can't help.
    pub fn finally(self) -> Self {
        Self {
            status: FINAL,
            ..self
        }
    }

    /// An operation on the table or the device failed.
    pub fn device(error: &atomik::Error) -> Self {
        Self {
            hint: error.hint(),
            ..Self::new(chain(error))
        }
    }

    /// Tells people, and gives the exit status.
    pub fn report(&self, global: &Global) -> ExitCode {
        let mut err = io::stderr().lock();
        let lines = match (global.json, &self.hint) {
            (true, hint) => {
                let mut object = json!({ "error": self.message, "status": self.status });
                if let Some(hint) = hint {
                    object["hint"] = json!(hint);
                }
                global::json(&object)
            }
            (false, None) => format!("atomik-replicate: {}", self.message),
            (false, Some(hint)) => format!("atomik-replicate: {}\nhint: {hint}", self.message),
        };
        let lines = global::printable_lines(lines);
        let _ = writeln!(err, "{lines}");
        ExitCode::from(self.status)
    }
}

/// The end of an agent. Another one may go on where it is, but for what only people can mend.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let failure = Self::new(error.to_string());
        match error {
            Error::OtherAgent | Error::Gap { .. } => failure,
            _ => failure.finally(),
        }
    }
}

/// The message of an error, and of those that caused it.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !text.ends_with(&message) {
            text = format!("{text}: {message}");
        }
        cause = error.source();
    }
    text
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}
