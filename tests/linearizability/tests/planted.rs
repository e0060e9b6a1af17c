// SPDX-License-Identifier: MIT OR Apache-2.0

//! The checker accepts the histories of a right driver and refuses those of a broken one. They are
//! recorded from a simulated driver, whose threads take steps in random order and which can be
//! broken in several ways.

use atomik_linearizability::{Answer, Call, Entry, Op, Tables, check};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const TABLE: u32 = 1;
const CONTEXTS: u32 = 2;
const HISTORIES: u64 = 2000;

/// Bug of the simulated driver.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Bug {
    None,
    /// Each entry of a batch is a step of its own; where the table is destroyed between them, the
    /// rest gets lost.
    IsolationDropped,
    /// ACCUM is a load and a store.
    XorInTwoSteps,
    /// SWAP is a load and a store.
    SwapIgnoresRace,
    /// READ now and then returns the state before the last change.
    StaleRead,
    /// Conditions are checked one step before the entries are applied.
    ConditionsInFront,
    /// A batch is applied whether its conditions hold or not.
    ConditionsIgnored,
}

/// The tables of the simulated driver: one.
struct Driver {
    bug: Bug,
    alive: bool,
    states: [u64; CONTEXTS as usize],
    before: [u64; CONTEXTS as usize],
}

/// Operation that a thread is at.
struct Current {
    op: Op,
    called: u64,
    /// The step that comes next.
    step: usize,
    /// Value that the first step has loaded for the second.
    loaded: u64,
    states: Vec<u64>,
    answer: Option<Answer>,
}

impl Driver {
    fn set(&mut self, addr: u32, state: u64) {
        let addr = addr as usize;
        self.before[addr] = std::mem::replace(&mut self.states[addr], state);
    }

    /// Does all of an entry.
    fn apply(&mut self, entry: Entry, states: &mut Vec<u64>) {
        match entry {
            Entry::Load { addr, value } => self.set(addr, value),
            Entry::Accum { addr, delta } => self.set(addr, self.states[addr as usize] ^ delta),
            Entry::Read { addr } => states.push(self.states[addr as usize]),
            Entry::Expect { .. } => {}
            Entry::Set { addr, state } => self.set(addr, state),
            Entry::Swap { addr, new } => {
                states.push(self.states[addr as usize]);
                if new != 0 {
                    self.set(addr, new);
                }
            }
        }
    }

    /// The answer to a batch with a condition that doesn't hold.
    fn unmet(&self, entries: &[Entry]) -> Option<Answer> {
        let mut entries = entries.iter().enumerate();
        entries.find_map(|(number, entry)| match *entry {
            Entry::Expect { addr, state } => {
                let found = self.states[addr as usize];
                (found != state).then_some(Answer::Canceled {
                    entry: number,
                    state: found,
                })
            }
            _ => None,
        })
    }

    /// Does the next step of a thread's operation.
    fn step(&mut self, random: &mut impl Rng, current: &mut Current) {
        let step = current.step;
        current.step += 1;
        if let Op::Destroy { .. } = current.op {
            let destroyed = std::mem::replace(&mut self.alive, false);
            current.answer = Some(match destroyed {
                true => Answer::Destroyed,
                false => Answer::NoTable,
            });
            return;
        }
        if step == 0 && !self.alive {
            current.answer = Some(Answer::NoTable);
            return;
        }
        let done = match &current.op {
            Op::Batch { entries, .. } if self.bug == Bug::IsolationDropped => {
                if self.alive {
                    self.apply(entries[step], &mut current.states);
                } else if let Entry::Read { .. } | Entry::Swap { .. } = entries[step] {
                    current.states.push(0);
                }
                step + 1 == entries.len()
            }
            Op::Batch { entries, .. } => {
                let in_front = self.bug == Bug::ConditionsInFront;
                let unmet = self.unmet(entries).filter(|_| step == 0 || !in_front);
                if let Some(canceled) = unmet.filter(|_| self.bug != Bug::ConditionsIgnored) {
                    current.answer = Some(canceled);
                    return;
                }
                if in_front && step == 0 {
                    return;
                }
                for &entry in entries {
                    self.apply(entry, &mut current.states);
                }
                true
            }
            Op::Single { entry, .. } => match (self.bug, *entry) {
                (Bug::XorInTwoSteps, Entry::Accum { addr, delta }) => {
                    match step {
                        0 => current.loaded = self.states[addr as usize],
                        _ => self.set(addr, current.loaded ^ delta),
                    }
                    step == 1
                }
                (Bug::SwapIgnoresRace, Entry::Swap { addr, new }) => {
                    match step {
                        0 => current.states.push(self.states[addr as usize]),
                        _ if new != 0 => self.set(addr, new),
                        _ => {}
                    }
                    step == 1
                }
                (Bug::StaleRead, Entry::Read { addr }) if random.random_ratio(1, 8) => {
                    current.states.push(self.before[addr as usize]);
                    true
                }
                (_, entry) => {
                    self.apply(entry, &mut current.states);
                    true
                }
            },
            op => unreachable!("{op:?}"),
        };
        if done {
            current.answer = Some(Answer::States(std::mem::take(&mut current.states)));
        }
    }
}

fn random_entry(random: &mut impl Rng, swap: bool) -> Entry {
    let addr = random.random_range(0..CONTEXTS);
    match random.random_range(0..4) {
        0 => Entry::Load {
            addr,
            value: random.random(),
        },
        1 => Entry::Accum {
            addr,
            delta: 1 << random.random_range(0..64),
        },
        2 => Entry::Read { addr },
        _ => Entry::Swap {
            addr,
            // In a batch SWAP keeps the state.
            new: u64::from(swap && random.random()) * random.random::<u64>(),
        },
    }
}

fn random_op(random: &mut impl Rng) -> Op {
    match random.random_range(0..24) {
        0 => Op::Destroy { table: TABLE },
        20.. => {
            let addr = random.random_range(0..CONTEXTS);
            let mut state = || random.random_range(0..2);
            Op::Batch {
                table: TABLE,
                entries: vec![
                    Entry::Expect {
                        addr,
                        state: state(),
                    },
                    Entry::Set {
                        addr,
                        state: state(),
                    },
                ],
            }
        }
        1..8 => Op::Batch {
            table: TABLE,
            entries: (0..random.random_range(2..5))
                .map(|_| random_entry(random, false))
                .collect(),
        },
        _ => Op::Single {
            table: TABLE,
            entry: random_entry(random, true),
        },
    }
}

/// Lets 2 to 8 threads run and records what they see.
fn record(random: &mut impl Rng, bug: Bug) -> Vec<Vec<Call>> {
    let mut driver = Driver {
        bug,
        alive: true,
        states: Default::default(),
        before: Default::default(),
    };
    let mut programs: Vec<Vec<Op>> = (0..random.random_range(2..=8))
        .map(|_| {
            let length = random.random_range(1..5);
            (0..length).map(|_| random_op(random)).collect()
        })
        .collect();
    let mut current: Vec<Option<Current>> = programs.iter().map(|_| None).collect();
    let mut history = vec![Vec::new(); programs.len()];
    let mut now = 0;
    while current.iter().any(Option::is_some) || programs.iter().any(|ops| !ops.is_empty()) {
        now += 1;
        let thread = random.random_range(0..programs.len());
        match &mut current[thread] {
            place @ None => {
                *place = programs[thread].pop().map(|op| Current {
                    op,
                    called: now,
                    step: 0,
                    loaded: 0,
                    states: Vec::new(),
                    answer: None,
                });
            }
            Some(Current {
                op,
                called,
                answer: Some(answer),
                ..
            }) => {
                history[thread].push(Call {
                    op: op.clone(),
                    answer: answer.clone(),
                    called: *called,
                    returned: now,
                });
                current[thread] = None;
            }
            Some(current) => driver.step(random, current),
        }
    }
    history
}

fn start() -> Tables {
    let mut tables = Tables::default();
    assert!(tables.step(&Op::Create(CONTEXTS), &Answer::Created(TABLE)));
    tables
}

/// Number of histories of a driver with this bug that the checker refuses.
fn refused(bug: Bug) -> usize {
    let mut random = ChaCha8Rng::seed_from_u64(0xA70);
    let refused = (0..HISTORIES)
        .filter(|_| check(&start(), &record(&mut random, bug)).is_err())
        .count();
    println!("{bug:?}: {refused} of {HISTORIES} histories refused");
    refused
}

#[test]
fn a_right_driver_is_accepted() {
    assert_eq!(refused(Bug::None), 0);
}

#[test]
fn planted_bugs_are_refused() {
    for bug in [
        Bug::IsolationDropped,
        Bug::XorInTwoSteps,
        Bug::SwapIgnoresRace,
        Bug::StaleRead,
        Bug::ConditionsInFront,
        Bug::ConditionsIgnored,
    ] {
        assert!(refused(bug) > 0, "{bug:?} was never noticed");
    }
}
