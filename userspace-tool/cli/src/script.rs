// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Script`]: the language of `atomikctl run`, parsed as a whole, without a device.

use std::fmt;

pub mod number;
mod op;
mod parser;
#[cfg(test)]
mod tests;

pub use op::{OPERATIONS, Op};
pub use parser::operation;

use crate::lines::Lines;

/// A script without syntax errors. `Display` prints it in its plainest form, which parses to the
/// same steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    pub lines: Vec<Line>,
}

/// A step and the number of its line, from 1. That of a batch is its `begin`'s.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub number: usize,
    pub step: Step,
}

/// A step, which is executed as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Make a table, the current one from here on.
    Create { contexts: u32 },
    /// Make another table the current one.
    Table { id: u32 },
    /// Destroy a table, or the current one.
    Destroy { id: Option<u32> },
    /// One operation on the current table.
    Op(Op),
    /// 1 to 4096 operations on the current table, none of them a swap with a new reference.
    Batch(Vec<BatchLine>),
}

/// An operation in a batch and the number of its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchLine {
    pub number: usize,
    pub op: Op,
}

/// A line that can't be parsed, and the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    pub line: usize,
    pub message: String,
}

impl Script {
    /// Parses a script. The errors are those of all lines, in order, or of the first 20.
    pub fn parse(lines: &mut Lines) -> Result<Self, Vec<SyntaxError>> {
        parser::parse(lines)
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines
            .iter()
            .try_for_each(|line| writeln!(f, "{}", line.step))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create { contexts } => write!(f, "create {contexts}"),
            Self::Table { id } => write!(f, "table {id}"),
            Self::Destroy { id: Some(id) } => write!(f, "destroy {id}"),
            Self::Destroy { id: None } => f.write_str("destroy"),
            Self::Op(op) => op.fmt(f),
            Self::Batch(lines) => {
                writeln!(f, "begin")?;
                lines
                    .iter()
                    .try_for_each(|line| writeln!(f, "{}", line.op))?;
                f.write_str("end")
            }
        }
    }
}
