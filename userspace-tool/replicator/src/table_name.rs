// SPDX-License-Identifier: MIT OR Apache-2.0

use std::fmt;
use std::str::FromStr;

use atomik_replicate::NodeName;

/// The name of a replicated table, from which all names on NATS follow: 1 to 64 letters, digits,
/// `-` and `_`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableName(String);

/// A name that no replicated table can have.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0:?} can't be the name of a replicated table: it has 1 to 64 letters, digits, '-' or '_'"
)]
pub struct BadTableName(String);

impl FromStr for TableName {
    type Err = BadTableName;

    fn from_str(name: &str) -> Result<Self, BadTableName> {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if !(1..=64).contains(&name.len()) || !name.bytes().all(good) {
            return Err(BadTableName(name.into()));
        }
        Ok(Self(name.into()))
    }
}

impl TableName {
    /// The stream that is the log.
    pub fn stream(&self) -> String {
        format!("atomik-{self}")
    }

    /// The stream's only subject.
    pub fn subject(&self) -> String {
        format!("atomik.{self}.log")
    }

    /// The bucket of the object store that has the snapshots.
    pub fn bucket(&self) -> String {
        format!("atomik-{self}")
    }

    /// The stream that this bucket is made of.
    pub fn objects(&self) -> String {
        format!("OBJ_{}", self.bucket())
    }

    /// The subject on which each agent tells its status.
    pub fn status(&self) -> String {
        format!("atomik.{self}.status")
    }

    /// The subject on which the agent of a node is asked to leave.
    pub fn leave(&self, node: &NodeName) -> String {
        format!("atomik.{self}.leave.{node}")
    }

    /// The subject on which any one agent is asked to remove a node.
    pub fn remove(&self) -> String {
        format!("atomik.{self}.remove")
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_stream_may_be_called_is_a_name() {
        let longest = "x".repeat(64);
        for good in ["a", "web-1_x", "A9", &longest] {
            assert_eq!(good.parse::<TableName>().unwrap().to_string(), good);
        }
        let too_long = "x".repeat(65);
        for bad in ["", "a.b", "a b", "a*", ">", "ä", "a/b", &too_long] {
            assert!(bad.parse::<TableName>().is_err(), "{bad:?}");
        }
    }
}
