// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Check`]: the result of one check.

use serde::Serialize;

/// The severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Ok,
    /// It works now, but may not later, or not for everyone.
    Warning,
    Failed,
}

/// The result of one check, and how to mend a fault.
#[derive(Debug, Serialize)]
pub struct Check {
    #[serde(rename = "check")]
    pub name: &'static str,
    pub level: Level,
    pub found: String,
    pub remedy: Option<String>,
}

impl Check {
    pub fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self {
            name,
            level: Level::Ok,
            found: found.into(),
            remedy: None,
        }
    }

    pub fn warning(
        name: &'static str,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            level: Level::Warning,
            remedy: Some(remedy.into()),
            ..Self::ok(name, found)
        }
    }

    pub fn failed(name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            level: Level::Failed,
            remedy: Some(remedy.into()),
            ..Self::ok(name, found)
        }
    }

    /// The lines for people, the remedy below the result.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let level = match self.level {
            Level::Ok => "ok",
            Level::Warning => "warning",
            Level::Failed => "FAILED",
        };
        let found = format!("{level:<8}  {:<12}  {}", self.name, self.found);
        let remedy = |remedy| format!("{:<8}  {:<12}  -> {remedy}", "", "");
        std::iter::once(found).chain(self.remedy.as_ref().map(remedy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remedy_stands_below() {
        let check = Check::failed("module", "not loaded", "modprobe atomik");
        let lines: Vec<_> = check.lines().collect();
        assert_eq!(
            lines,
            [
                "FAILED    module        not loaded",
                "                        -> modprobe atomik"
            ]
        );
        assert_eq!(Check::ok("limit", "1 GiB").lines().count(), 1);
    }
}
