// SPDX-License-Identifier: MIT OR Apache-2.0

use crate::Pair;
use crate::kv::Kv;
use crate::load::IDLE_SECONDS;
use crate::meter::{Meter, Part};
use crate::redis::Redis;
use crate::server::Server;
use anyhow::Result;
use std::thread::sleep;
use std::time::Duration;

/// The cost of having all there and doing nothing.
pub fn all(meter: &mut Meter, pair: &Pair, kv: &Kv, redis: &Redis, nats: &Server) -> Result<()> {
    // What was begun before ends first.
    sleep(Duration::from_secs(2));
    let (sender, receiver) = (&pair.sender.agent, &pair.receiver.agent);
    let nap = || {
        sleep(Duration::from_secs(IDLE_SECONDS));
        Ok(())
    };
    let mut of = vec![
        (Part::Sender, sender),
        (Part::Receiver, receiver),
        (Part::Server, &nats.0),
        (Part::Watcher, &kv.watcher.process),
        (Part::Redis, &redis.server.0),
    ];
    of.extend(
        redis
            .replica
            .iter()
            .map(|replica| (Part::Replica, &replica.0)),
    );
    meter.measure("idle", &of, nap)
}
