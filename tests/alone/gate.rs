// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Gate`]: processes that wait for each other.

use nix::unistd::{pipe, read, write};
use std::os::fd::OwnedFd;

/// A number of children report that they are ready, and go on when the parent opens the gate. Made before they are forked.
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

    /// In a child: tells the parent `word`.
    pub fn report(&self, word: u8) {
        assert_eq!(write(&self.ready.1, &[word]), Ok(1));
    }

    /// In a child: waits for the gate to open.
    pub fn wait(&self) {
        assert_eq!(read(&self.go.0, &mut [0]), Ok(1));
    }

    /// In the parent: the next child's word.
    pub fn next(&self) -> u8 {
        let mut word = [0];
        assert_eq!(read(&self.ready.0, &mut word), Ok(1));
        word[0]
    }

    /// In the parent: lets `children` go on.
    pub fn open(&self, children: usize) {
        assert_eq!(write(&self.go.1, &vec![0; children]), Ok(children));
    }
}
