// SPDX-License-Identifier: MIT OR Apache-2.0

use crate::world::{World, compare};
use anyhow::{Context, Result, bail, ensure};
use atomik_replicate::{Body, Message};
use atomik_replicate_test::{Network, words};

type Scenario = fn(&mut World) -> Result<()>;

/// The scenarios, in their order: each begins where the one before ended.
pub const ALL: [(&str, Scenario); 10] = [
    (
        "three_guests_converge_while_agents_are_killed",
        agents_killed,
    ),
    ("a_server_is_killed_and_starts_again", server_killed),
    ("a_guest_is_cut_off_and_comes_back", cut_off),
    ("a_fourth_joins_late_from_a_snapshot", late),
    ("a_node_leaves_and_one_is_removed", leave),
    ("a_message_comes_twice", twice),
    ("bytes_of_the_log_are_damaged", damaged),
    ("a_guest_that_has_told_everything_reboots", reboot),
    (
        "a_guest_reboots_before_it_has_told_everything",
        reboot_untold,
    ),
    ("a_cluster_loses_a_server", cluster),
];

/// Contexts that each node changes in a scenario, at least.
const CHANGES: u64 = 500;

/// Messages of a load in whose midst something happens.
const BUSY: u64 = 5;

fn agents_killed(world: &mut World) -> Result<()> {
    for _ in 0..3 {
        world.join_next()?;
    }
    world.check()?;
    // Of the agents of three nodes each time: 12 and 108 in all.
    let (times, kills) = if world.long { (12, 3) } else { (1, 4) };
    for _ in 0..times {
        world.load(CHANGES, kills, 0, |_| Ok(()))?;
        world.check()?;
    }
    Ok(())
}

fn server_killed(world: &mut World) -> Result<()> {
    for round in 0..if world.long { 10 } else { 2 } {
        let messages = 5 + world.random(15);
        world.load(CHANGES, round % 2, messages, |world| {
            world.servers[0].kill()?;
            world.servers[0].restart()
        })?;
        world.check()?;
    }
    Ok(())
}

fn cut_off(world: &mut World) -> Result<()> {
    const CUT: usize = 2;
    for _ in 0..if world.long { 5 } else { 1 } {
        for network in [Network::Silent, Network::Down] {
            // Nobody waits for messages, of which that node gets none.
            world.load(CHANGES, 0, 0, |world| {
                world.nodes[CUT].proxy.set(network);
                Ok(())
            })?;
            for number in 0..world.joined {
                let seed = world.seed();
                world.nodes[number].ask(&format!("change {CHANGES} {seed}"))?;
            }
            world.settle(&[0, 1])?;
            let (place, last) = (world.nodes[CUT].place()?, world.log.ends()?.last);
            ensure!(
                place.untold > 0,
                "the node that is cut off has told everything"
            );
            ensure!(place.position < last, "the node that is cut off reads on");
            world.nodes[CUT].proxy.set(Network::Up);
            world.check()?;
        }
    }
    Ok(())
}

fn late(world: &mut World) -> Result<()> {
    while world.log.ends()?.first <= 1 {
        world.load(CHANGES, 0, 0, |_| Ok(()))?;
    }
    world.load(CHANGES, 1, 0, |world| world.join_next())?;
    world.check()?;
    world.load(CHANGES, 1, 0, |_| Ok(()))?;
    world.check()
}

fn leave(world: &mut World) -> Result<()> {
    for removed in [false, true] {
        world.load(CHANGES, 0, 0, |_| Ok(()))?;
        world.check()?;
        let (seed, last) = (world.seed(), world.joined - 1);
        let node = &mut world.nodes[last];
        let name = node.name;
        if removed {
            node.ask("kill")?;
        } else {
            // It must tell these first.
            node.ask(&format!("change {CHANGES} {seed}"))?;
        }
        let made = node.words("made")?;
        words::xor(&mut world.gone, &made);
        if removed {
            world.command("remove", &[name])?;
        } else {
            world.command("leave", &["--node", name])?;
        }
        world.joined -= 1;
        world.check()?;
        // It comes back with a table of its own.
        world.load(CHANGES, 0, 0, |world| world.join_next())?;
        world.check()?;
    }
    Ok(())
}

fn twice(world: &mut World) -> Result<()> {
    // One that is the last of its node, and an older one.
    for back in [0, 3] {
        let bytes = deltas(world, back)?;
        let before = world.log.ends()?.last;
        let position = world.log.publish(&bytes)?;
        ensure!(position > before, "the copy is not in the log");
        world.check()?;
        world.load(CHANGES, 0, BUSY, |world| {
            let bytes = deltas(world, back)?;
            world.log.publish(&bytes)?;
            world.log.publish(&bytes)?;
            Ok(())
        })?;
        world.check()?;
    }
    Ok(())
}

fn damaged(world: &mut World) -> Result<()> {
    let mut flipped = deltas(world, 0)?;
    let bit = world.random(8 * flipped.len() as u64) as usize;
    flipped[bit / 8] ^= 1 << (bit % 8);
    let cut = deltas(world, 0)?;
    let bad: [&[u8]; 4] = [b"", b"no message", &flipped, &cut[..cut.len() - 1]];
    for bytes in bad {
        world.log.publish(bytes)?;
    }
    world.check()?;
    world.load(CHANGES, 1, BUSY, |world| {
        for bytes in bad {
            world.log.publish(bytes)?;
        }
        Ok(())
    })?;
    world.check()
}

fn reboot(world: &mut World) -> Result<()> {
    const REBOOTED: usize = 2;
    for _ in 0..if world.long { 3 } else { 1 } {
        world.load(CHANGES, 0, 0, |_| Ok(()))?;
        world.check()?;
        let made = world.nodes[REBOOTED].words("made")?;
        words::xor(&mut world.gone, &made);
        world.reboot(REBOOTED)?;
        world.check()?;
    }
    Ok(())
}

fn reboot_untold(world: &mut World) -> Result<()> {
    const REBOOTED: usize = 1;
    for _ in 0..if world.long { 3 } else { 1 } {
        world.load(CHANGES, 1, 0, |_| Ok(()))?;
        let node = &mut world.nodes[REBOOTED];
        node.ask("kill")?;
        let seed = world.seed();
        let node = &mut world.nodes[REBOOTED];
        node.ask(&format!("change {CHANGES} {seed}"))?;
        ensure!(node.place()?.untold > 0, "a node without an agent tells");
        // Its table has counted what its shadow has.
        let mut told = node.words("made")?;
        words::xor(&mut told, &node.words("states")?);
        words::xor(&mut told, &node.words("shadow")?);
        let outbox = node.words("outbox")?;
        words::xor(&mut world.gone, &told);
        world.reboot(REBOOTED)?;

        // The message that was under way is in the log, or isn't.
        let all: Vec<usize> = (0..world.joined).collect();
        world.settle(&all)?;
        let model = world.model()?;
        let states = world.nodes[0].words("states")?;
        if compare("a", &states, &model).is_err() {
            words::xor(&mut world.gone, &outbox);
        }
        world.check()?;
    }
    Ok(())
}

fn cluster(world: &mut World) -> Result<()> {
    world.move_to_cluster()?;
    for _ in 0..3 {
        world.join_next()?;
    }
    for round in 0..if world.long { 6 } else { 2 } {
        // The first is the one that leads.
        let leader = world
            .log
            .ends()?
            .leader
            .context("the stream has no leader")?;
        let leader = world
            .servers
            .iter()
            .position(|server| server.name() == leader);
        let lost = (leader.context("no server has the leader's name")? + round) % 3;
        world.load(CHANGES, 1, 5, |world| world.servers[lost].kill())?;
        world.check()?;
        world.servers[lost].restart()?;
        world.load(CHANGES, 0, 0, |_| Ok(()))?;
        world.check()?;
    }
    Ok(())
}

/// The bytes of a message with deltas: the newest in the log, or one that is so many older.
fn deltas(world: &World, back: usize) -> Result<Vec<u8>> {
    let ends = world.log.ends()?;
    let mut skipped = 0;
    for position in (ends.first..=ends.last).rev() {
        let Some(bytes) = world.log.message(position)? else {
            break;
        };
        let message = Message::decode(&bytes).map(|message| message.body);
        if matches!(message, Ok(Body::Deltas { .. })) {
            if skipped == back {
                return Ok(bytes);
            }
            skipped += 1;
        }
    }
    bail!("the log has fewer messages with deltas than {}", back + 1)
}
