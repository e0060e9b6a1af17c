// SPDX-License-Identifier: MIT OR Apache-2.0
//! The cost of changes, from making them until the other node has them and all know.

use crate::Pair;
use crate::kv::Kv;
use crate::load::{CHANGED, COUNTED};
use crate::meter::{Meter, Part};
use crate::node::changes;
use crate::redis::Redis;
use crate::server::Server;
use anyhow::Result;

/// Times that each is measured, after one that isn't.
const ROUNDS: u64 = 7;

/// The messages of so many changed contexts, with their bytes as the server stores them.
pub struct Size {
    pub changed: u32,
    pub messages: u64,
    pub bytes: u64,
}

/// One change in a small table.
pub fn small(meter: &mut Meter, pair: &Pair, nats: &Server) -> Result<()> {
    (0..=ROUNDS).try_for_each(|round| atomik(meter, "atomik-small", pair, nats, 1, round))
}

/// Changes of the large table, and of KV and Redis.
pub fn all(
    meter: &mut Meter,
    pair: &Pair,
    kv: &Kv,
    redis: &Redis,
    nats: &Server,
) -> Result<Vec<Size>> {
    let mut sizes = vec![];
    for changed in CHANGED {
        let before = kv.stream("atomik-large")?;
        atomik(meter, "atomik", pair, nats, changed, 0)?;
        let after = kv.stream("atomik-large")?;
        sizes.push(Size {
            changed,
            messages: after.messages - before.messages,
            bytes: after.bytes - before.bytes,
        });
        if COUNTED.contains(&changed) {
            for round in 1..=ROUNDS {
                atomik(meter, "atomik", pair, nats, changed, round)?;
            }
            for round in 0..=ROUNDS {
                let others = [
                    (Part::Server, &nats.0),
                    (Part::Receiver, &kv.watcher.process),
                ];
                meter.measure(name(round, "kv", changed), &others, || {
                    kv.put(changed, round as u8)?;
                    kv.watcher.wait()
                })?;
            }
            let replica = redis
                .replica
                .iter()
                .map(|replica| (Part::Receiver, &replica.0));
            let others: Vec<_> = replica.chain([(Part::Server, &redis.server.0)]).collect();
            for round in 0..=ROUNDS {
                meter.measure(name(round, "redis", changed), &others, || {
                    redis.set(changed, &round.to_le_bytes())?;
                    redis.in_step()
                })?;
            }
        }
    }
    Ok(sizes)
}

fn atomik(
    meter: &mut Meter,
    what: &str,
    pair: &Pair,
    nats: &Server,
    changed: u32,
    round: u64,
) -> Result<()> {
    let Pair { sender, receiver } = pair;
    let (batches, last) = changes(sender.layout, changed, (round << 8) | 1);
    let state = sender.table.read(last)? ^ ((round << 8) | 1);
    let others = [
        (Part::Sender, &sender.agent),
        (Part::Server, &nats.0),
        (Part::Receiver, &receiver.agent),
    ];
    meter.measure(name(round, what, changed), &others, || {
        for batch in &batches {
            sender.table.submit(batch)?;
        }
        receiver.wait(last, state)?;
        sender.wait(sender.layout.shadow(last), state)
    })
}

/// The name of what is counted; that of the first time, which isn't.
fn name(round: u64, what: &str, changed: u32) -> String {
    match round {
        0 => format!("first/{what}/{changed}"),
        _ => format!("changes/{what}/{changed}"),
    }
}
