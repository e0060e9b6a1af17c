// SPDX-License-Identifier: MIT OR Apache-2.0
//! Measures replicated tables, NATS KV and Redis, in a guest of one processor and steady time that
//! has the servers too. Prints the tables of docs/performance.md.

mod catch_up;
mod changes;
mod idle;
mod kv;
mod lag;
mod load;
mod meter;
mod node;
mod redis;
mod server;
mod tables;

use anyhow::{Context, Result};
use load::{CONTEXTS, FEW};
use meter::Meter;
use node::Node;
use tables::Facts;

/// Two nodes of one replicated table.
struct Pair {
    sender: Node,
    receiver: Node,
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some(kv::WATCH) => kv::watch(&arguments.next().context("a revision")?),
        _ => measure(),
    }
}

impl Pair {
    fn start(name: &'static str, contexts: u32) -> Result<Self> {
        Ok(Self {
            sender: Node::start(name, "a", contexts, &[])?,
            receiver: Node::start(name, "b", contexts, &[])?,
        })
    }
}

fn measure() -> Result<()> {
    let mut meter = Meter::new()?;
    let nats = server::nats()?;
    let redis = redis::Redis::start()?;
    let kv = kv::Kv::start()?;
    let small = Pair::start("small", FEW)?;
    changes::small(&mut meter, &small, &nats)?;
    drop(small);
    let mut pair = Pair::start("large", CONTEXTS)?;
    let sizes = changes::all(&mut meter, &pair, &kv, &redis, &nats)?;
    let stored = kv.stream(kv::STREAM)?;
    let lags = lag::all(&pair.sender)?;
    // Now that hardly any context is 0.
    let snapshot = pair.sender.snapshot_bytes()?;
    idle::all(&mut meter, &pair, &kv, &redis, &nats)?;
    let users = catch_up::from_the_log(&mut meter, &mut pair, &nats)?;
    drop(pair);
    catch_up::from_a_snapshot(&mut meter, &nats, &kv)?;
    catch_up::others(&mut meter, kv, redis, &nats)?;
    let facts = Facts {
        meter,
        sizes,
        kv_message: stored.bytes / stored.messages,
        snapshot,
        lags,
        users,
    };
    print!("{}", facts.tables()?);
    Ok(())
}
