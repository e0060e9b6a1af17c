// SPDX-License-Identifier: MIT OR Apache-2.0

//! The largest tables: the model's kernel refuses batches of more than 4,096 entries.

use std::rc::Rc;

use super::cases::usual;
use super::step::Step;
use super::world::{Setup, World};
use crate::{Delta, Layout};

#[test]
fn all_contexts_of_the_largest_tables_are_told_and_taken_over() {
    for nodes in [1, Layout::DEFAULT_NODES, Layout::MAX_NODES] {
        let states = Layout::most_states(nodes);
        let setup = Setup {
            states,
            nodes,
            most: Delta::MOST,
            snapshot_every: 5,
            names: if nodes == 1 { &["a"] } else { &["a", "b"] },
            start: 1,
            ..usual()
        };
        let mut world = World::new(Rc::new(setup));
        world.change_all(0);
        let end = |world: &mut World| {
            while let Some(step) = world.quiet_step() {
                world.step(step);
            }
            world.check_end().unwrap();
        };
        end(&mut world);
        if nodes > 1 {
            world.step(Step::Boot { node: 1 });
            end(&mut world);
            assert_ne!(world.seen.taken_over, 0);
        }
    }
}

#[test]
fn layouts_that_no_table_has_room_for_are_refused() {
    assert_eq!(Layout::most_states(64), 21_630);
    assert_eq!(Layout::most_states(256), 20_990);
    for (states, nodes) in [
        (0, 64),
        (1, 0),
        (21_631, 64),
        (1, 257),
        (u32::MAX, 1),
        (1, u32::MAX),
    ] {
        Layout::new(states, nodes).unwrap_err();
    }
    for nodes in 1..=Layout::MAX_NODES {
        let states = Layout::most_states(nodes);
        assert!(Layout::new(states, nodes).unwrap().contexts() <= Layout::CONTEXTS);
        Layout::new(states + 1, nodes).unwrap_err();
    }
}
