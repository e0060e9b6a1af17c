// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Gate`]: processes that wait for each other.

use nix::unistd::{pipe, read, write};
use std::os::fd::OwnedFd;

/// A gate where children report that they are ready, and go on when the parent opens it. Made
/// before the fork.
pub struct Gate {
    ready: (OwnedFd, OwnedFd),
    go: (OwnedFd, OwnedFd),
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

impl Gate {
    /// A closed gate.
    pub fn new() -> Self {
        Self {
            ready: pipe().expect("pipe"),
            go: pipe().expect("pipe"),
        }
    }

    /// Tells the parent `word`; for a child.
    pub fn report(&self, word: u8) {
        assert_eq!(write(&self.ready.1, &[word]), Ok(1));
    }

    /// Waits for the gate to open; for a child.
    pub fn wait(&self) {
        assert_eq!(read(&self.go.0, &mut [0]), Ok(1));
    }

    /// Waits for the next child's word; for the parent.
    pub fn next(&self) -> u8 {
        let mut word = [0];
        assert_eq!(read(&self.ready.0, &mut word), Ok(1));
        word[0]
    }

    /// Lets `children` go on; for the parent.
    pub fn open(&self, children: usize) {
        assert_eq!(write(&self.go.1, &vec![0; children]), Ok(children));
    }
}
