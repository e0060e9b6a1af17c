// SPDX-License-Identifier: MIT OR Apache-2.0
//! The cost of catching up with changes that were made meanwhile.

use crate::Pair;
use crate::kv::{Kv, Watcher};
use crate::load::{CAUGHT_UP, CONTEXTS, OF_MESSAGE, SPREAD};
use crate::meter::{Meter, Part, user_share};
use crate::node::{Node, changes};
use crate::redis::Redis;
use crate::server::Server;
use anyhow::Result;
use std::thread::sleep;
use std::time::Duration;

/// An agent that was away reads the messages, which are of few changes or of many. Returns the
/// user's share of what the two agents have executed so far.
pub fn from_the_log(meter: &mut Meter, pair: &mut Pair, nats: &Server) -> Result<(f64, f64)> {
    for of in OF_MESSAGE {
        pair.receiver.stop()?;
        make(meter, format!("make/atomik/{of}"), &pair.sender, nats, of)?;
        let (_, last) = changes(pair.sender.layout, of, 1);
        let state = pair.sender.table.read(last)?;
        let receiver = &mut pair.receiver;
        let id = format!("catch-up/atomik/{of}");
        let others = [(Part::Sender, &pair.sender.agent), (Part::Server, &nats.0)];
        meter.measure(&id, &others, || {
            receiver.restart()?;
            receiver.wait(last, state)
        })?;
        meter.add(&id, Part::Receiver, &receiver.agent)?;
    }
    Ok((
        user_share(&pair.sender.agent)?,
        user_share(&pair.receiver.agent)?,
    ))
}

/// A new node, where the log begins behind a snapshot.
pub fn from_a_snapshot(meter: &mut Meter, nats: &Server, kv: &Kv) -> Result<()> {
    let options = &["--snapshot-every", "48", "--keep", "1"];
    let sender = Node::start("cut", "a", CONTEXTS, options)?;
    make(meter, "make/atomik/cut".to_owned(), &sender, nats, 1_360)?;
    while kv.stream("atomik-cut")?.first_sequence < 48 {
        sleep(Duration::from_millis(50));
    }
    let mut late = None;
    let others = [(Part::Sender, &sender.agent), (Part::Server, &nats.0)];
    meter.measure("catch-up/atomik/snapshot", &others, || {
        late = Some(Node::start("cut", "b", CONTEXTS, &[])?);
        Ok(())
    })?;
    late.map_or(Ok(()), |late| {
        meter.add("catch-up/atomik/snapshot", Part::Receiver, &late.agent)
    })
}

/// Watchers of KV and replicas of Redis that come back.
pub fn others(meter: &mut Meter, mut kv: Kv, mut redis: Redis, nats: &Server) -> Result<()> {
    let server = [(Part::Server, &nats.0)];
    let next = kv.stream(crate::kv::STREAM)?.last_sequence + 1;
    meter.measure("make/kv", &server, || kv.put(SPREAD, 0))?;
    meter.measure("catch-up/kv", &server, || {
        kv.watcher = Watcher::start(&next.to_string())?;
        kv.watcher.wait()
    })?;
    meter.add("catch-up/kv", Part::Receiver, &kv.watcher.process)?;
    redis.stop_replica();
    let rounds = 0..u64::from(CAUGHT_UP / SPREAD);
    meter.measure("make/redis", &[(Part::Server, &redis.server.0)], || {
        rounds
            .map(u64::to_le_bytes)
            .try_for_each(|value| redis.set(SPREAD, &value))
    })?;
    meter.measure("catch-up/redis", &[], || redis.restart_replica())?;
    redis
        .replica
        .iter()
        .try_for_each(|replica| meter.add("catch-up/redis", Part::Receiver, &replica.0))
}

/// Makes all changes, so many at a time, each told before the next.
fn make(meter: &mut Meter, id: String, sender: &Node, nats: &Server, of: u32) -> Result<()> {
    let others = [(Part::Sender, &sender.agent), (Part::Server, &nats.0)];
    meter.measure(id, &others, || {
        for turn in 1..=CAUGHT_UP.div_ceil(of) {
            let delta = u64::from(turn);
            let (batches, last) = changes(sender.layout, of, delta);
            let state = sender.table.read(last)? ^ delta;
            for batch in &batches {
                sender.table.submit(batch)?;
            }
            sender.wait(sender.layout.shadow(last), state)?;
        }
        Ok(())
    })
}
