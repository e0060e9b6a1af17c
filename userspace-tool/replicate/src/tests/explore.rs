// SPDX-License-Identifier: MIT OR Apache-2.0

use std::collections::{HashMap, HashSet, VecDeque};
use std::rc::Rc;

use super::step::Step;
use super::world::{Seen, Setup, World};

/// The result of an exploration that found nothing.
#[derive(Debug, Default)]
pub struct Explored {
    pub states: usize,
    /// The most that was seen in one state.
    pub seen: Seen,
}

/// A fault of the protocol, and how to get there.
#[derive(Debug)]
pub struct Found {
    pub fault: String,
    pub path: Vec<Step>,
}

/// Steps of a run without faults at most, until nothing is left to do.
const QUIET: usize = 10_000;

/// Visits every world that can be reached, checks it, and checks that a run without faults from
/// there on ends with everything told.
pub fn explore(setup: Setup) -> Result<Explored, Found> {
    let first = World::new(Rc::new(setup));
    let mut came_from = HashMap::from([(first.fingerprint(), None)]);
    let mut quiet = HashSet::new();
    let mut explored = Explored::default();
    let mut frontier = VecDeque::from([first]);
    while let Some(world) = frontier.pop_front() {
        let here = world.fingerprint();
        if let Err(fault) = world.check().and_then(|()| ends_well(&world, &mut quiet)) {
            return Err(Found {
                fault,
                path: path(&came_from, here),
            });
        }
        explored.seen = explored.seen.most(world.seen);
        for step in world.steps() {
            let mut next = world.clone();
            next.step(step);
            came_from.entry(next.fingerprint()).or_insert_with(|| {
                frontier.push_back(next);
                Some((here, step))
            });
        }
    }
    explored.states = came_from.len();
    Ok(explored)
}

/// Runs on without faults. `quiet` has the worlds from where that is known to end well.
pub fn ends_well(world: &World, quiet: &mut HashSet<u64>) -> Result<(), String> {
    let mut world = world.clone();
    let mut here = Vec::new();
    for _ in 0..QUIET {
        let fingerprint = world.fingerprint();
        if quiet.contains(&fingerprint) {
            quiet.extend(here);
            return Ok(());
        }
        here.push(fingerprint);
        let Some(step) = world.quiet_step() else {
            world.check_end()?;
            quiet.extend(here);
            return Ok(());
        };
        world.step(step);
        world.check()?;
    }
    Err("a run without faults doesn't end".to_owned())
}

fn path(came_from: &HashMap<u64, Option<(u64, Step)>>, mut here: u64) -> Vec<Step> {
    let mut path = Vec::new();
    while let Some(Some((before, step))) = came_from.get(&here) {
        path.push(*step);
        here = *before;
    }
    path.reverse();
    path
}

impl Seen {
    pub fn most(self, other: Self) -> Self {
        Self {
            taken_over: self.taken_over.max(other.taken_over),
            digests: self.digests.max(other.digests),
            other_agents: self.other_agents.max(other.other_agents),
            superseded: self.superseded.max(other.superseded),
        }
    }
}
