// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Layout`]: JSON with a line for each case, and one for each of its steps.

use std::io::{self, Write};

use serde_json::ser::Formatter;

/// The depths of the arrays whose objects have lines of their own: the cases, and their steps.
const CASES: usize = 2;
const STEPS: usize = 4;

/// Breaks lines where a reader and `diff` want them.
#[derive(Default)]
pub struct Layout {
    /// The arrays and objects that are open.
    depth: usize,
}

impl Formatter for Layout {
    fn begin_object<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        if let CASES | STEPS = self.depth {
            write!(to, "\n{:1$}", "", self.depth)?;
        }
        self.depth += 1;
        to.write_all(b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.depth -= 1;
        to.write_all(b"}")
    }

    fn begin_array<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.depth += 1;
        to.write_all(b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        if self.depth == CASES {
            to.write_all(b"\n")?;
        }
        self.depth -= 1;
        to.write_all(b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        // No space at a line's end, where objects have lines of their own.
        match (first, self.depth) {
            (true, _) => Ok(()),
            (false, CASES | STEPS) => to.write_all(b","),
            (false, _) => to.write_all(b", "),
        }
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { to.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        to.write_all(b": ")
    }
}
