// SPDX-License-Identifier: MIT OR Apache-2.0

use std::collections::HashSet;
use std::rc::Rc;

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::explore::ends_well;
use super::step::Step;
use super::world::{Faults, Seen, Setup, World};
use crate::mistake::Mistake;

const STEPS: usize = 1500;

/// Whether the tests shall take minutes and not seconds.
pub fn long_form() -> bool {
    std::env::var_os("REPLICATE_LONG").is_some()
}

/// A larger world in which anything happens, as the seed has it, and which then comes to rest.
pub fn simulate(seed: u64, mistake: Option<Mistake>) -> Result<Seen, String> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut upto = |most: u32| random.random_range(0..=most);
    let faults = Faults {
        changes: 60,
        repeats: upto(8),
        lates: upto(8),
        losses: upto(8),
        kills: upto(20),
        breaks: upto(8),
        boots: upto(3),
        seconds: upto(2),
        stales: upto(2),
        garbage: upto(2),
        leaves: upto(1),
        removes: upto(1),
        verifies: upto(2),
    };
    let setup = Setup {
        states: 1 + upto(4),
        nodes: 4,
        most: 1 + upto(2) as usize,
        snapshot_every: [0, 3, 5, 10][upto(3) as usize],
        mistake,
        names: &["a", "b", "c", "d"],
        start: 3,
        slow_watch: true,
        comes_back: upto(1) == 1,
        joined: false,
        faults,
    };
    let slow_log = random.random_bool(0.5);
    let mut world = World::new(Rc::new(setup));
    let mut path = Vec::new();
    let mut run = || {
        for _ in 0..STEPS {
            let (faults, usual): (Vec<_>, Vec<_>) =
                world.steps().into_iter().partition(Step::is_fault);
            let fault = random.random_bool(0.05);
            let step = if fault {
                faults.choose(&mut random)
            } else {
                usual.choose(&mut random)
            };
            let Some(&step) = step else { continue };
            if slow_log && matches!(step, Step::Deliver { .. }) && random.random_bool(0.9) {
                continue;
            }
            path.push(step);
            world.step(step);
            world.check()?;
        }
        ends_well(&world, &mut HashSet::new()).map(|()| world.seen)
    };
    let result = run();
    result.map_err(|fault| {
        format!(
            "{fault}, after {:?}",
            &path[path.len().saturating_sub(30)..]
        )
    })
}
