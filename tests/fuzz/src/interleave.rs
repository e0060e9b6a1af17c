// SPDX-License-Identifier: MIT OR Apache-2.0

//! Looks for orders of racing calls that explain all that they returned.

use crate::model::{Call, Company, Event, Rules, World};
use std::collections::HashSet;

/// States that are looked at before it is given up.
const MOST_STATES: usize = 20_000;
/// Worlds that are kept.
const MOST_WORLDS: usize = 64;

#[derive(Debug)]
pub enum Explained {
    /// Every world that the calls may have led to.
    By(Vec<World>),
    /// No order of the calls gives these results: why the last one that was tried fails.
    Not(String),
    /// Too many orders.
    TooMany,
}

/// How far a thread is.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
struct Progress {
    done: usize,
    /// What the next call's descriptor meant when it looked it up.
    found: Option<Option<u32>>,
}

/// Finds the worlds that calls of several threads, each in its order, may lead to. Where they commute, one order of all
/// is enough.
pub fn explain(
    rules: &Rules,
    worlds: Vec<World>,
    threads: &[Vec<Event>],
    commute: bool,
) -> Explained {
    // A call looks up its file and then works on it; only a close can come in between and matter.
    let closes = threads
        .iter()
        .flatten()
        .any(|event| matches!(event.call, Call::Close(_)));
    let start = vec![Progress::default(); threads.len()];
    let mut open: Vec<(Vec<Progress>, World)> = worlds
        .into_iter()
        .map(|world| (start.clone(), world))
        .collect();
    let mut seen = HashSet::new();
    let mut ends = Vec::new();
    let mut furthest = (0, String::from("nothing was called"));
    while let Some(state) = open.pop() {
        if !seen.insert(state.clone()) {
            continue;
        }
        if seen.len() > MOST_STATES || ends.len() > MOST_WORLDS {
            return Explained::TooMany;
        }
        let (progress, world) = state;
        let pending: Vec<usize> = (0..threads.len())
            .filter(|&i| progress[i].done < threads[i].len())
            .take(if commute { 1 } else { threads.len() })
            .collect();
        if pending.is_empty() {
            if !ends.contains(&world) {
                ends.push(world);
            }
            continue;
        }
        for i in pending {
            let event = &threads[i][progress[i].done];
            let mut progress = progress.clone();
            let mut world = world.clone();
            let found = match (progress[i].found, event.call.descriptor()) {
                (Some(found), _) => found,
                (None, None) => None,
                (None, Some(descriptor)) => {
                    let found = world.look_up(descriptor);
                    if closes {
                        progress[i].found = Some(found);
                        open.push((progress, world));
                        continue;
                    }
                    found
                }
            };
            match world.act(rules, event, found, Company::Others) {
                Ok(()) => {
                    progress[i].done += 1;
                    progress[i].found = None;
                    world.release(|tag| {
                        progress
                            .iter()
                            .any(|progress| progress.found == Some(Some(tag)))
                    });
                    open.push((progress, world));
                }
                Err(why) => {
                    let done: usize = progress.iter().map(|progress| progress.done).sum();
                    if done >= furthest.0 {
                        furthest = (done, format!("thread {i}, {:?}: {why}", event.call));
                    }
                }
            }
        }
    }
    if ends.is_empty() {
        Explained::Not(furthest.1)
    } else {
        Explained::By(ends)
    }
}
