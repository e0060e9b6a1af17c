// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Coverage`]: blocks of the module that have been executed, and their order.

use crate::blocks::Block;
use anyhow::{Context, Result};
use std::{
    fs,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

/// File with the address of the module's code.
const TEXT: &str = "/sys/module/atomik/sections/.text";
/// Values of the hash that tells steps from block to block apart.
const STEPS: usize = 1 << 16;

/// Coverage of all threads.
pub struct Coverage {
    start: u64,
    blocks: Vec<AtomicBool>,
    steps: Vec<AtomicBool>,
    block_count: AtomicUsize,
    step_count: AtomicUsize,
}

impl Coverage {
    /// Starts without coverage, for the module as it is loaded, with these blocks.
    pub fn new(blocks: &[Block]) -> Result<Self> {
        let text = fs::read_to_string(TEXT).context(TEXT)?;
        let start = text.trim().trim_start_matches("0x");
        let start = u64::from_str_radix(start, 16).with_context(|| text.clone())?;
        let end = blocks.iter().map(|block| block.offset + 1).max();
        Ok(Self::of_code_at(start, end.unwrap_or(0) as usize))
    }

    fn of_code_at(start: u64, length: usize) -> Self {
        let none = |count| (0..count).map(|_| AtomicBool::new(false)).collect();
        Self {
            start,
            blocks: none(length),
            steps: none(STEPS),
            block_count: AtomicUsize::new(0),
            step_count: AtomicUsize::new(0),
        }
    }

    /// Adds the blocks that a call has passed. Returns true where one of them is new.
    pub fn add(&self, addresses: impl Iterator<Item = u64>) -> bool {
        let mut new = false;
        let mut last = 0usize;
        for address in addresses {
            let offset = address.wrapping_sub(self.start);
            let block = offset as usize;
            let Some(flag) = self.blocks.get(block) else {
                continue;
            };
            new |= mark(flag, &self.block_count);
            let step = (last.wrapping_mul(31) ^ block) % STEPS;
            new |= mark(&self.steps[step], &self.step_count);
            last = block;
        }
        new
    }

    /// Number of blocks that have been executed.
    pub fn blocks(&self) -> usize {
        self.block_count.load(Ordering::Relaxed)
    }

    /// Number of different steps from one block to another.
    pub fn steps(&self) -> usize {
        self.step_count.load(Ordering::Relaxed)
    }

    /// True where the block at this offset in the module's code has been executed.
    pub fn has(&self, offset: u64) -> bool {
        self.blocks
            .get(offset as usize)
            .is_some_and(|block| block.load(Ordering::Relaxed))
    }
}

fn mark(flag: &AtomicBool, count: &AtomicUsize) -> bool {
    let new = !flag.load(Ordering::Relaxed) && !flag.swap(true, Ordering::Relaxed);
    if new {
        count.fetch_add(1, Ordering::Relaxed);
    }
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_modules_code_counts_and_once() {
        let coverage = Coverage::of_code_at(0x1000, 0x20);
        assert!(coverage.add([0x1005, 0x1010].into_iter()));
        assert!(!coverage.add([0x1005, 0x1010].into_iter()));
        assert!(!coverage.add([0xfff, 0x1020].into_iter()));
        // The same blocks in another order.
        assert!(coverage.add([0x1010, 0x1005].into_iter()));
        assert_eq!(coverage.blocks(), 2);
        assert!(coverage.has(5) && !coverage.has(6));
    }
}
