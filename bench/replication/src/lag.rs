// SPDX-License-Identifier: MIT OR Apache-2.0

use crate::node::Node;
use anyhow::{Result, ensure};
use atomik::Batch;
use atomik_replicate::Word;

/// Changes that are made each time that a message has come.
const LOADS: [u32; 5] = [1, 256, 1_360, 2_720, 4_000];
/// Marked changes of each load whose way is followed.
const FOLLOWED: usize = 15;

/// Lag of a change, in messages, where a program makes so many changes each time that a message has
/// come.
pub struct Lag {
    pub changes: u32,
    pub median: u64,
    pub most: u64,
}

/// Lag of a change under load: messages of the log from its making until it is in the shadow of its
/// own node, as it is in all others' then.
pub fn all(node: &Node) -> Result<Vec<Lag>> {
    LOADS.iter().map(|&changes| lag(node, changes)).collect()
}

fn lag(node: &Node, changes: u32) -> Result<Lag> {
    let (table, layout) = (&node.table, node.layout);
    // The context whose changes are followed is the last, so that it has its turn after all others.
    let marked = layout.states() - 1;
    let position = layout.word(Word::Position);
    let mut watch = table.watch(position..position + 1)?;
    let (mut lags, mut random) = (vec![], 1_u64);
    let mut made: Option<(u64, u64)> = None;
    while lags.len() < FOLLOWED {
        let news = watch.read()?;
        ensure!(!news.is_empty(), "the table is gone");
        let now = news[0].state;
        if let Some((then, state)) = made {
            if table.read(layout.shadow(marked))? == state {
                lags.push(now - then);
                made = None;
            }
        }
        let mut batch = Batch::with_capacity(changes as usize + 1);
        for _ in 0..changes {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            batch.accum((random >> 33) as u32 % marked, random | 1);
        }
        if made.is_none() {
            made = Some((now, table.read(marked)? ^ 1));
            batch.accum(marked, 1);
        }
        table.submit(&batch)?;
    }
    lags.sort_unstable();
    Ok(Lag {
        changes,
        median: lags[FOLLOWED / 2],
        most: lags[FOLLOWED - 1],
    })
}
