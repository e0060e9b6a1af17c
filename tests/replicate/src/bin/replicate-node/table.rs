// SPDX-License-Identifier: MIT OR Apache-2.0

use anyhow::{Result, ensure};
use atomik::{Batch, TableRef};
use atomik_replicate::{Layout, Word};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A replicated table in the kernel, and all that this program has changed on it.
pub struct Table {
    pub table: TableRef,
    pub layout: Layout,
    /// For each context, the XOR of all deltas.
    pub made: Vec<u64>,
}

impl Table {
    pub fn new(table: TableRef, layout: Layout) -> Self {
        Self {
            table,
            layout,
            made: vec![0; layout.states() as usize],
        }
    }

    /// Changes `count` random contexts, a few to many at a time.
    pub fn change(&mut self, count: u64, seed: u64) -> Result<()> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut left = count;
        while left > 0 {
            left = left.saturating_sub(self.change_some(&mut random)?);
        }
        Ok(())
    }

    /// Changes some contexts in one of the ways that programs have, and returns how many.
    pub fn change_some(&mut self, random: &mut ChaCha8Rng) -> Result<u64> {
        let n = self.layout.states();
        let address = random.random_range(0..n);
        let value = random.random();
        match random.random_range(0..8) {
            0 => {
                self.table.accum(address, value)?;
                self.note(address, value);
                Ok(1)
            }
            1 => {
                let before = self.table.swap_with(address, value)?;
                // A new reference of 0 keeps the state.
                self.note(address, if value == 0 { 0 } else { before ^ value });
                Ok(1)
            }
            2 => {
                // The state before is told in the same batch, as others change it, too.
                let mut batch = Batch::new();
                let before = batch.read(address);
                batch.load(address, value);
                let before = self.table.run(&mut batch)?.get(before)?;
                self.note(address, before ^ value);
                Ok(1)
            }
            3 => {
                let before = self
                    .table
                    .update(address, |state| state.wrapping_add(value))?;
                self.note(address, before ^ before.wrapping_add(value));
                Ok(1)
            }
            4 => {
                let before = self.table.read(address)?;
                if self.table.compare_exchange(address, before, value)?.is_ok() {
                    self.note(address, before ^ value);
                }
                Ok(1)
            }
            5 => {
                let count = random.random_range(1..=8);
                let deltas: Vec<(u32, u64)> = self.deltas(count, random);
                let map = self.table.map()?;
                for &(address, delta) in &deltas {
                    map.accum(address, delta)?;
                    self.table.touch(address..address + 1)?;
                }
                drop(map);
                deltas.iter().for_each(|&(a, d)| self.note(a, d));
                Ok(count.into())
            }
            6 => self.batch(random.random_range(1..=64), random),
            // Now and then more than fit into one message.
            _ if random.random_ratio(1, 16) => self.batch(4096, random),
            _ => self.batch(random.random_range(1..=8), random),
        }
    }

    /// Changes so many contexts, some of them perhaps twice, in one batch.
    fn batch(&mut self, count: u32, random: &mut ChaCha8Rng) -> Result<u64> {
        let deltas = self.deltas(count, random);
        let mut batch = Batch::new();
        for &(address, delta) in &deltas {
            batch.accum(address, delta);
        }
        self.table.submit(&batch)?;
        deltas.iter().for_each(|&(a, d)| self.note(a, d));
        Ok(count.into())
    }

    fn deltas(&self, count: u32, random: &mut ChaCha8Rng) -> Vec<(u32, u64)> {
        let n = self.layout.states();
        (0..count)
            .map(|_| (random.random_range(0..n), random.random()))
            .collect()
    }

    fn note(&mut self, address: u32, delta: u64) {
        self.made[address as usize] ^= delta;
    }

    /// The states, the shadow and the outbox, of one moment.
    pub fn parts(&self) -> Result<[Vec<u64>; 3]> {
        let n = self.layout.states();
        let contexts = self.table.snapshot(0..3 * n)?;
        ensure!(contexts.len() == 3 * n as usize, "a snapshot has a gap");
        let states: Vec<u64> = contexts.iter().map(|context| context.state()).collect();
        let mut parts = states.chunks(n as usize).map(<[u64]>::to_vec);
        Ok(std::array::from_fn(|_| parts.next().unwrap_or_default()))
    }

    /// How many contexts have changes that may be missing from the log.
    pub fn untold(&self) -> Result<usize> {
        let [states, shadow, outbox] = self.parts()?;
        let told = |&i: &usize| states[i] == shadow[i] && outbox[i] == 0;
        Ok((0..states.len()).filter(|i| !told(i)).count())
    }

    /// The position in the log.
    pub fn position(&self) -> Result<u64> {
        Ok(self.table.read(self.layout.word(Word::Position))?)
    }
}
