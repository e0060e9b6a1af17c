// SPDX-License-Identifier: MIT OR Apache-2.0

//! Finds orders of racing calls that explain all their results.

use crate::{
    event::{Call, Event},
    oracle::{Company, Rules, World},
};
use std::collections::HashSet;

/// States to try before giving up.
const MOST_STATES: usize = 20_000;
/// Worlds to keep.
const MOST_WORLDS: usize = 64;

#[derive(Debug)]
pub enum Explained {
    /// Every world that the calls may have led to.
    By(Vec<World>),
    /// No order of the calls gives these results. Says why the longest one fails.
    Not(String),
    /// Too many orders.
    TooMany,
}

/// Progress of a thread.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
struct Progress {
    done: usize,
    /// The file of the next call's descriptor, once it has been looked up.
    found: Option<Option<u32>>,
}

/// Finds the worlds that the calls of several threads may lead to, each thread's in order. Where
/// they commute, one order is enough.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::{Buffer, Seen},
        location::Location,
        program::Access,
    };
    use atomik_test_support::fdinfo::FdInfo;
    use atomik_uapi as uapi;

    fn bytes(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_ne_bytes()).collect()
    }

    fn event(call: Call, seen: Seen) -> Event {
        Event {
            call,
            seen,
            tag: 1,
            times: 1,
        }
    }

    /// An ioctl that succeeds and turns `before` into `after`.
    fn ioctl(number: u32, before: &[u32], after: &[u32]) -> Event {
        let arg = Buffer {
            location: Location::FINE,
            before: bytes(before),
        };
        let call = Call::Ioctl {
            fd: 100,
            number,
            arg,
            ops: None,
        };
        let seen = Seen::Ioctl {
            result: Ok(()),
            arg: bytes(after),
            ops: Vec::new(),
        };
        event(call, seen)
    }

    fn accum(delta: u32, times: u32) -> Event {
        let words = [1, 0, delta, 0];
        Event {
            times,
            ..ioctl(uapi::IOC_ACCUM, &words, &words)
        }
    }

    /// The world after two threads have done that to a table of one context.
    fn after(threads: &[Vec<Event>]) -> World {
        let rules = Rules::default();
        let mut world = World::new(0);
        let open = event(Call::Open(Access::Rdwr), Seen::Result(Ok(100)));
        world.step(&rules, &open).unwrap();
        let create = ioctl(uapi::IOC_CREATE_TABLE, &[1, 0], &[1, 1]);
        world.step(&rules, &create).unwrap();
        match explain(&rules, vec![world], threads, true) {
            Explained::By(worlds) if worlds.len() == 1 => worlds[0].clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_of_many_accumulations_counts() {
        let rules = Rules::default();
        let mut world = after(&[vec![accum(1, 3)], vec![accum(2, 1001), accum(4, 2)]]);
        let info = |ops| {
            let info = FdInfo {
                watches: 0,
                tables: 1,
                contexts: 1,
                bytes: 16,
                ops,
                each: vec![(1, 1)],
            };
            event(Call::FdInfo(100), Seen::FdInfo(Some(info)))
        };
        world.step(&rules, &info(3 + 1001 + 2)).unwrap();
        world.step(&rules, &info(3 + 1000 + 2)).unwrap_err();
        let read = |state| ioctl(uapi::IOC_READ, &[1, 0, 0, 0], &[1, 0, state, 0]);
        world.clone().step(&rules, &read(3)).unwrap();
        // One that was lost.
        world.step(&rules, &read(2)).unwrap_err();
    }
}
