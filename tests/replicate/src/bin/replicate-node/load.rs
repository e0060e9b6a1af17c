// SPDX-License-Identifier: MIT OR Apache-2.0
//! Load, and agents that die meanwhile.

use crate::Node;
use crate::agent::Agent;
use crate::table::Table;
use anyhow::{Context, Result, anyhow};
use atomik::{TableRef, Watch};
use atomik_replicate::Word;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::hint;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// Pause between two changes, so that the agent has something of the processor. Nothing depends on
/// it.
const PAUSE: Duration = Duration::from_millis(2);
/// How often it is looked whether the agent has ended of itself.
const LOOK: Duration = Duration::from_millis(200);

impl Node {
    /// Changes at least `count` contexts, till agents have applied `batches` batches; meanwhile
    /// kills the agent so often and starts it again. The agent runs in the end.
    pub fn load(&mut self, count: u64, batches: u64, kills: u64, seed: u64) -> Result<()> {
        self.table()?;
        let table = self.table.as_mut().context("looked for above")?;
        let agent = &mut self.agent;
        let steps = Steps {
            table: agent.device.only_table()?,
            word: table.layout.word(Word::Step),
        };
        let end = steps.now()? + batches;
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let changes = scope.spawn(|| change(table, count, seed, &done));
            let result = kill_again_and_again(agent, &steps, kills, seed)
                .and_then(|()| steps.wait_for(end, agent));
            done.store(true, Ordering::Relaxed);
            let changed = changes.join().map_err(|_| anyhow!("changing panicked"))?;
            result.and(changed)
        })
    }
}

/// Changes contexts till there were enough, and the agent has done its part.
fn change(table: &mut Table, count: u64, seed: u64, done: &AtomicBool) -> Result<()> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut changed = 0;
    while changed < count || !done.load(Ordering::Relaxed) {
        changed += table.change_some(&mut random)?;
        thread::sleep(PAUSE);
    }
    Ok(())
}

/// The points of an agent's life at which it is killed: so many batches after it was started, and
/// then some instructions. Most are in the middle of something, as the agent always has to do.
fn kill_again_and_again(agent: &mut Agent, steps: &Steps, kills: u64, seed: u64) -> Result<()> {
    let mut random = ChaCha8Rng::seed_from_u64(!seed);
    for _ in 0..kills {
        // Now and then before it has applied anything: while it connects, or reads the log.
        let batches = random.random_range(0..8);
        steps.wait_for(steps.now()? + batches, agent)?;
        for _ in 0..random.random_range(0..200_000) {
            hint::spin_loop();
        }
        agent.kill()?;
        agent.start()?;
    }
    Ok(())
}

/// The number of batches that agents have applied.
struct Steps {
    table: TableRef,
    word: u32,
}

impl Steps {
    fn now(&self) -> Result<u64> {
        Ok(self.table.read(self.word)?)
    }

    /// Waits till it is this.
    fn wait_for(&self, end: u64, agent: &mut Agent) -> Result<()> {
        let mut watch: Watch = self.table.watch(self.word..self.word + 1)?;
        while self.now()? < end {
            agent.supervise()?;
            watch.read_timeout(LOOK)?;
        }
        Ok(())
    }
}
