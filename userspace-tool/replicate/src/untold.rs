// SPDX-License-Identifier: MIT OR Apache-2.0

use std::collections::VecDeque;

/// The contexts that programs may have changed since they were last looked at, in the order in
/// which the changes were told, so that a busy context doesn't hold up the others.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Untold {
    queue: VecDeque<u32>,
    queued: Vec<bool>,
}

impl Untold {
    pub fn new(states: u32) -> Self {
        Self {
            queue: VecDeque::new(),
            queued: vec![false; states as usize],
        }
    }

    pub fn push(&mut self, address: u32) {
        let Some(queued) = self.queued.get_mut(address as usize) else {
            return;
        };
        if !*queued {
            *queued = true;
            self.queue.push_back(address);
        }
    }

    /// Takes at most so many.
    pub fn take(&mut self, most: usize) -> Vec<u32> {
        let taken: Vec<_> = self.queue.drain(..self.queue.len().min(most)).collect();
        for &address in &taken {
            self.queued[address as usize] = false;
        }
        taken
    }

    pub fn len(&self) -> usize {
        self.queue.len()
    }
}
