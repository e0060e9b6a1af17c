// SPDX-License-Identifier: MIT OR Apache-2.0

/// The way in which an agent ended when nothing was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ended {
    /// It was told to.
    Stopped,
    /// The node has left: the others know.
    Left,
}
