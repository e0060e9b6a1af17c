// SPDX-License-Identifier: MIT OR Apache-2.0

//! Histories of 2 to 8 threads that use a file at the same time, a few operations each. Each must
//! be linearizable. A batch is one operation, which covers isolation.

use crate::{disturb::Disturber, serve::serve};
use atomik::{Device, TableRef, TableView};
use atomik_linearizability::{
    Answer, Call, Context, Entry, Op, Tables, check, clock::Clock, concurrent, note_changes_beside,
};
use atomik_test_support::{
    raw::{RawFile, RawWatch, open_device},
    rounds::steps,
    start::Start,
};
use atomik_uapi::{MAX_TABLES, WATCH_NONBLOCK};
use nix::errno::Errno;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::{
    collections::BTreeSet,
    ops::RangeInclusive,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
};

const THREADS: RangeInclusive<usize> = 2..=8;

/// Contexts of each table: few, so that operations meet.
const CONTEXTS: u32 = 2;

/// Histories that the same threads record, one after another.
const IN_A_ROW: usize = 25;

/// The tables that programs know: the first one, the one that was made last, and the one that will
/// take the place of that.
const FIRST: u32 = 0;
const LATEST: u32 = 1;
const NEXT: u32 = 2;

/// The file and the programs of one history.
struct Scene {
    file: RawFile,
    clock: Clock,
    first: u32,
    latest: AtomicU32,
    /// On all contexts of the first table; they don't wait.
    watches: Vec<RawWatch>,
    /// The first table in the crate, where threads map it.
    mapped: Option<TableRef>,
    programs: Vec<Vec<Op>>,
    start: Start,
}

impl Scene {
    /// A file with one table and users of it, for threads that run these programs.
    fn new(users: Users, programs: Vec<Vec<Op>>) -> Self {
        let file = open_device();
        let first = file.create(CONTEXTS).unwrap();
        let device = || Device::from_fd(file.0.try_clone().unwrap()).unwrap();
        Self {
            mapped: (users == Users::Mappings).then(|| device().table(first).unwrap()),
            clock: Clock::default(),
            first,
            latest: AtomicU32::new(first),
            watches: (0..users.watches())
                .map(|_| file.watch(first, 0, CONTEXTS, WATCH_NONBLOCK).unwrap())
                .collect(),
            start: Start::of(programs.len()),
            programs,
            file,
        }
    }

    /// Runs one of the programs.
    fn run(&self, thread: usize) -> Vec<Call> {
        let program = self.programs[thread].clone();
        let view = self.mapped.as_ref().map(|table| table.view().unwrap());
        self.start.wait();
        let calls = program.into_iter();
        calls.map(|op| self.call(op, view.as_ref())).collect()
    }

    fn call(&self, mut op: Op, view: Option<&TableView<'_>>) -> Call {
        if let Op::Destroy { table }
        | Op::Single { table, .. }
        | Op::Batch { table, .. }
        | Op::Restore { table, .. }
        | Op::Consistent { table, .. } = &mut op
        {
            *table = match *table {
                FIRST => self.first,
                LATEST => self.latest.load(Ordering::Relaxed),
                _ => self.latest.load(Ordering::Relaxed) + MAX_TABLES,
            };
        }
        let call = self.clock.call(op, |op| match op {
            &Op::Changes { watch, most } => match self.watches[watch].read(most) {
                Ok(told) => Answer::Changes(told),
                Err(Errno::EAGAIN) => Answer::NothingNew(BTreeSet::new()),
                Err(error) => panic!("{error} from a watch"),
            },
            Op::Consistent { addrs, .. } => {
                let mut states = vec![0; addrs.len()];
                let view = view.expect("a mapping");
                view.read_consistent(addrs, &mut states).unwrap();
                Answer::States(states)
            }
            op => serve(&self.file, op),
        });
        if let Answer::Created(table) = call.answer {
            self.latest.store(table, Ordering::Relaxed);
        }
        call
    }
}

/// Other users of the first table than commands.
#[derive(Clone, Copy, PartialEq)]
enum Users {
    None,
    /// So many watches.
    Watches(usize),
    /// A mapping for each thread.
    Mappings,
}

impl Users {
    fn watches(self) -> usize {
        match self {
            Self::Watches(watches) => watches,
            Self::None | Self::Mappings => 0,
        }
    }
}

/// Numbers of what has been recorded.
#[derive(Debug, Default)]
struct Coverage {
    histories: u64,
    operations: usize,
    concurrent: usize,
    /// Operations on a table that was not there.
    refused: usize,
    /// Batches whose conditions did not hold.
    canceled: usize,
    /// Reads of watches that told of changes.
    told: usize,
}

/// Records and checks histories of threads that do operations of `op`.
fn record_and_check(name: &str, histories: u64, op: fn(&mut ChaCha8Rng) -> Op) {
    record_and_check_beside(name, histories, Users::None, op);
}

/// Does the same with such users of the first table.
fn record_and_check_beside(
    name: &str,
    histories: u64,
    users: Users,
    op: fn(&mut ChaCha8Rng) -> Op,
) {
    let histories = steps(histories);
    let mut random = ChaCha8Rng::seed_from_u64(histories);
    let mut coverage = Coverage::default();
    while coverage.histories < histories {
        let threads = random.random_range(THREADS);
        // No more descriptors with watches: the fuzzer's programs, in this process too, take those
        // from 100 up for theirs.
        let watches = users.watches();
        let scenes: Vec<Scene> = (0..IN_A_ROW / (1 + watches))
            .map(|_| {
                let programs = (0..threads).map(|_| program(&mut random, op)).collect();
                Scene::new(users, programs)
            })
            .collect();
        let done = AtomicBool::new(false);
        let recorded: Vec<Vec<Vec<Call>>> = thread::scope(|scope| {
            let _disturber = Disturber::start(scope, &done);
            let threads: Vec<_> = (0..threads)
                .map(|thread| {
                    let scenes = &scenes;
                    scope.spawn(move || scenes.iter().map(|scene| scene.run(thread)).collect())
                })
                .collect();
            let join = |thread: thread::ScopedJoinHandle<'_, _>| thread.join().unwrap();
            threads.into_iter().map(join).collect()
        });
        for (number, scene) in scenes.iter().enumerate() {
            let mut history: Vec<Vec<Call>> =
                recorded.iter().map(|all| all[number].clone()).collect();
            note_changes_beside(&mut history);
            let calls = || history.iter().flatten();
            coverage.histories += 1;
            coverage.operations += calls().count();
            coverage.concurrent += concurrent(&history);
            let canceled = |call: &&Call| matches!(call.answer, Answer::Canceled { .. });
            coverage.canceled += calls().filter(canceled).count();
            let told =
                |call: &&Call| matches!(&call.answer, Answer::Changes(all) if !all.is_empty());
            coverage.told += calls().filter(told).count();
            coverage.refused += calls().filter(|c| c.answer == Answer::NoTable).count();

            let mut start = Tables::default();
            assert!(start.step(&Op::Create(CONTEXTS), &Answer::Created(scene.first)));
            for _ in 0..watches {
                let (table, count) = (scene.first, CONTEXTS);
                let watch = Op::Watch {
                    table,
                    addr: 0,
                    count,
                };
                assert!(start.step(&watch, &Answer::Watching));
            }
            if let Err(refused) = check(&start, &history) {
                panic!("history {} of {name}: {refused}", coverage.histories);
            }
        }
    }
    println!("{name}: {coverage:?}");
    assert!(coverage.concurrent > 0, "no two operations met");
}

fn program(random: &mut ChaCha8Rng, op: fn(&mut ChaCha8Rng) -> Op) -> Vec<Op> {
    let length = random.random_range(10..=30);
    (0..length).map(|_| op(random)).collect()
}

/// One of the four operations, on the first context more often than on the other.
fn entry(random: &mut impl Rng, in_batch: bool) -> Entry {
    let addr = u32::from(random.random_ratio(1, 4));
    match random.random_range(0..8) {
        0 => Entry::Load {
            addr,
            value: random.random(),
        },
        // One bit, so that histories can be read.
        1..4 => Entry::Accum {
            addr,
            delta: 1 << random.random_range(0..64),
        },
        4..6 => Entry::Read { addr },
        _ if in_batch || random.random() => Entry::Swap { addr, new: 0 },
        _ => Entry::Swap {
            addr,
            new: random.random_range(1..=u64::MAX),
        },
    }
}

fn single(random: &mut impl Rng, table: u32) -> Op {
    let entry = entry(random, false);
    Op::Single { table, entry }
}

/// A batch, often long enough for others to try to come between.
fn batch(random: &mut impl Rng, table: u32) -> Op {
    let len = 2 + (random.random_range(0..60) & random.random_range(0..60));
    Op::Batch {
        table,
        entries: (0..len).map(|_| entry(random, true)).collect(),
    }
}

#[test]
fn of_single_operations() {
    record_and_check("single operations", 1000, |random| single(random, FIRST));
}

#[test]
fn of_batches_and_single_operations() {
    let op = |random: &mut ChaCha8Rng| match random.random_range(0..3) {
        0 => batch(random, FIRST),
        _ => single(random, FIRST),
    };
    record_and_check("batches and single operations", 2000, op);
}

/// A batch that depends on a state, of which there are few, so that conditions hold now and then.
fn conditional(random: &mut impl Rng, table: u32) -> Op {
    let mut state = || random.random_range(0..3);
    let addr = state() as u32 % CONTEXTS;
    let mut entries = vec![
        Entry::Expect {
            addr,
            state: state(),
        },
        Entry::Set {
            addr,
            state: state(),
        },
    ];
    if random.random() {
        let addr = 1 - addr;
        entries.push(Entry::Read { addr });
        if random.random() {
            entries.push(Entry::Expect { addr, state: 0 });
        }
    }
    Op::Batch { table, entries }
}

#[test]
fn of_conditions() {
    let op = |random: &mut ChaCha8Rng| match random.random_range(0..8) {
        0..5 => conditional(random, FIRST),
        5 => Op::Batch {
            table: FIRST,
            entries: vec![
                Entry::Set { addr: 0, state: 0 },
                Entry::Set { addr: 1, state: 0 },
            ],
        },
        6 => single(random, FIRST),
        _ => Op::Single {
            table: FIRST,
            entry: Entry::Load { addr: 0, value: 1 },
        },
    };
    record_and_check("conditions", 1000, op);
}

/// Operations that change something beside readers of two watches: everything that has changed is
/// told, and all that one read tells is of one moment.
#[test]
fn of_watches() {
    let op = |random: &mut ChaCha8Rng| match random.random_range(0..8) {
        0 => batch(random, FIRST),
        1 => conditional(random, FIRST),
        2..5 => single(random, FIRST),
        _ => Op::Changes {
            watch: random.random_range(0..2),
            most: random.random_range(1..=2),
        },
    };
    record_and_check_beside("watches", 1000, Users::Watches(2), op);
}

/// The same, where the table goes meanwhile.
#[test]
fn of_watches_on_a_table_that_goes() {
    let op = |random: &mut ChaCha8Rng| match random.random_range(0..40) {
        0 => Op::Destroy { table: FIRST },
        1..20 => single(random, FIRST),
        20..25 => batch(random, FIRST),
        _ => Op::Changes {
            watch: 0,
            most: random.random_range(1..=2),
        },
    };
    let users = Users::Watches(1);
    record_and_check_beside("watches on a table that goes", 1000, users, op);
}

/// Reads of both contexts through mappings, beside what changes them as one and one by one.
#[test]
fn of_consistent_reads() {
    let op = |random: &mut ChaCha8Rng| match random.random_range(0..8) {
        0 => batch(random, FIRST),
        1 => Op::Restore {
            table: FIRST,
            contexts: (0..CONTEXTS)
                .map(|_| Context {
                    reference: random.random(),
                    accumulator: random.random(),
                })
                .collect(),
        },
        2..4 => single(random, FIRST),
        _ => Op::Consistent {
            table: FIRST,
            addrs: vec![0, 1],
        },
    };
    record_and_check_beside("consistent reads", 1000, Users::Mappings, op);
}

#[test]
fn of_tables_that_come_and_go() {
    let op = |random: &mut ChaCha8Rng| {
        let table = [FIRST, LATEST, LATEST, LATEST, NEXT][random.random_range(0..5)];
        match random.random_range(0..8) {
            0 => Op::Create(CONTEXTS),
            1 => Op::Destroy { table },
            2 => batch(random, table),
            _ => single(random, table),
        }
    };
    record_and_check("tables that come and go", 1000, op);
}
