// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`SessionName`]: a session's name.

use std::fmt;
use std::str::FromStr;

use super::SessionError;

/// A session's name: 1 to 64 ASCII letters, digits, `_`, `-` and `.`, not beginning with `-` or
/// `.`. So it can be a file's name, and isn't taken for an option.
///
/// ```
/// use atomik::session::SessionName;
/// assert!("work-2".parse::<SessionName>().is_ok());
/// assert!("../work".parse::<SessionName>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionName(String);

impl SessionName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SessionName {
    type Err = SessionError;

    fn from_str(name: &str) -> Result<Self, SessionError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let fits = (1..=64).contains(&name.len());
        if fits && name.chars().all(allowed) && !name.starts_with(['-', '.']) {
            Ok(Self(name.into()))
        } else {
            Err(SessionError::Name { name: name.into() })
        }
    }
}

impl fmt::Display for SessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let name: SessionName = "work".parse().unwrap();
        assert_eq!(format!("{name:<6}|{name}"), "work  |work");
    }

    #[test]
    fn names() {
        for name in ["a", "work", "a.b-c_9", &"x".repeat(64)] {
            assert_eq!(name.parse::<SessionName>().unwrap().as_str(), name);
        }
        for name in [
            "",
            ".",
            "..",
            "-s",
            ".a",
            "a/b",
            "a b",
            "ä",
            "a\0",
            &"x".repeat(65),
        ] {
            assert!(name.parse::<SessionName>().is_err(), "{name:?}");
        }
    }
}
