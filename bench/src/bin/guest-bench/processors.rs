// SPDX-License-Identifier: MIT OR Apache-2.0
//! Operations where several processors use one table. One call is counted at a time, with all that
//! its processor, the first, executes meanwhile.

use crate::block::measured;
use crate::ioctl::{UNKNOWN, ioctl};
use crate::{cases::basics, conventional};
use anyhow::{Context, Result};
use atomik_bench::{CONVENTIONAL, CaseInfo, FIRST, FLOOR, SECOND, Use};
use atomik_test_support::raw::{self, BatchOp, RawFile, open_device};
use atomik_uapi as uapi;
use nix::sched::{CloneFlags, CpuSet, sched_setaffinity, unshare};
use nix::unistd::Pid;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// Distance between contexts of different processors: pages of their own.
const APART: u32 = 256;

/// Ends of the names of the operations whose growth is measured.
const GROWTH: [&str; 6] = [
    "single/load",
    "single/accum",
    "single/read",
    "single/swap",
    "batch/accum/16",
    "batch/accum/256",
];

/// A table that processors share.
#[derive(Clone, Copy)]
struct Table {
    /// Beginning of its cases' names: whose driver it is.
    whose: &'static str,
    file: &'static RawFile,
    table_id: u32,
}

/// Operation of a processor on contexts of its own.
struct Operation {
    name: String,
    call: Box<dyn FnMut()>,
}

impl Table {
    fn all(processors: usize) -> Result<Vec<Self>> {
        let own = Some(open_device());
        let files = [("", own), (CONVENTIONAL, conventional::open()?)];
        let table = |(whose, file): (&'static str, Option<RawFile>)| {
            let file: &'static RawFile = Box::leak(Box::new(file?));
            let created = file.create(processors as u32 * APART);
            Some(created.map(|table_id| Self {
                whose,
                file,
                table_id,
            }))
        };
        let tables: Result<_, _> = files.into_iter().filter_map(table).collect();
        tables.context("CREATE_TABLE")
    }

    /// The operations of a processor that are counted.
    fn operations(self, processor: usize) -> Vec<Operation> {
        let Self {
            whose,
            file,
            table_id,
        } = self;
        let addr = processor as u32 * APART;
        let mut all = vec![Operation {
            name: format!("{whose}{FLOOR}"),
            call: Box::new(move || assert_eq!(ioctl(file, UNKNOWN, &mut 0u64), -1)),
        }];
        let mut single = |name: &str, mut call: Box<dyn FnMut() -> i32>| {
            all.push(Operation {
                name: format!("{whose}single/{name}"),
                call: Box::new(move || assert_eq!(call(), 0)),
            });
        };
        let mut load = uapi::Load {
            table_id,
            addr,
            initial_state: 5,
        };
        let mut accum = uapi::Accum {
            table_id,
            addr,
            delta: 3,
        };
        let mut read = uapi::Read {
            table_id,
            addr,
            state: 0,
        };
        let mut swap = uapi::Swap {
            table_id,
            addr,
            new_reference: 0,
            old_state: 0,
        };
        single(
            "load",
            Box::new(move || ioctl(file, uapi::IOC_LOAD, &mut load)),
        );
        single(
            "accum",
            Box::new(move || ioctl(file, uapi::IOC_ACCUM, &mut accum)),
        );
        single(
            "read",
            Box::new(move || ioctl(file, uapi::IOC_READ, &mut read)),
        );
        single(
            "swap",
            Box::new(move || ioctl(file, uapi::IOC_SWAP, &mut swap)),
        );
        /// An opcode's name, an entry of it, and the number of entries.
        type Entries = (&'static str, fn(u32) -> BatchOp, u32);
        let batches: [Entries; 5] = [
            ("load", |addr| raw::load(addr, 5), 16),
            ("accum", |addr| raw::accum(addr, 3), 16),
            ("read", raw::read, 16),
            ("swap", raw::swap, 16),
            ("accum", |addr| raw::accum(addr, 3), 256),
        ];
        for (name, entry, num_ops) in batches {
            let mut ops: Vec<BatchOp> = (0..num_ops).map(|i| entry(addr + i)).collect();
            let mut batch = uapi::Batch {
                table_id,
                num_ops,
                ops_ptr: ops.as_mut_ptr() as u64,
            };
            all.push(Operation {
                name: format!("{whose}batch/{name}/{num_ops}"),
                call: Box::new(move || {
                    std::hint::black_box(&mut ops);
                    assert_eq!(ioctl(file, uapi::IOC_BATCH, &mut batch), 0);
                }),
            });
        }
        all
    }
}

/// Cases, and the case of each block in the order of their execution.
#[derive(Default)]
pub struct Executed {
    pub infos: Vec<CaseInfo>,
    pub blocks: Vec<usize>,
}

impl Executed {
    /// Those that every measurement needs.
    fn basic(rounds: usize) -> Self {
        let mut executed = Self::default();
        for mut case in basics() {
            let index = executed.add(case.info.clone());
            for _ in 0..rounds {
                case.run();
                executed.blocks.push(index);
            }
        }
        executed
    }

    fn add(&mut self, info: CaseInfo) -> usize {
        self.infos.push(info);
        self.infos.len() - 1
    }
}

/// Counts the first processor's operations where it alone uses the table, where each of the others
/// has made an ACCUM in between, and, unless `in_turn`, where they do all the time what it does.
pub fn growth(processors: usize, in_turn: bool, rounds: usize) -> Result<Executed> {
    run_on(0)?;
    let mut executed = Executed::basic(rounds);
    let tables = Table::all(processors)?;
    let all = |processor: usize| -> Vec<Operation> {
        let all = tables.iter().flat_map(|table| table.operations(processor));
        all.filter(|operation| GROWTH.iter().any(|name| operation.name.ends_with(name)))
            .collect()
    };
    let mut own = all(0);
    let is_accum = |operation: &Operation| operation.name.ends_with("single/accum");
    let mut visits: Vec<Vec<Operation>> = (1..processors)
        .map(|processor| all(processor).into_iter().filter(is_accum).collect())
        .collect();
    let chosen = AtomicUsize::new(0);
    // Calls that each of the others has made.
    let made: Vec<AtomicU64> = (1..processors).map(|_| AtomicU64::new(0)).collect();
    for table_use in Use::ALL {
        let is_left_out = match table_use {
            Use::One => false,
            Use::Turns => processors == 1,
            Use::All => processors == 1 || in_turn,
        };
        if is_left_out {
            continue;
        }
        let first = executed.infos.len();
        for operation in &own {
            executed.add(once(format!("{}{}", table_use.prefix(), operation.name)));
        }
        let stop = AtomicBool::new(false);
        thread::scope(|scope| -> Result<()> {
            if table_use == Use::All {
                for (made, processor) in made.iter().zip(1..) {
                    let (all, stop, chosen) = (&all, &stop, &chosen);
                    scope.spawn(move || {
                        let mut operations = all(processor);
                        alone_on(processor);
                        while !stop.load(Ordering::Relaxed) {
                            (operations[chosen.load(Ordering::Relaxed)].call)();
                            made.fetch_add(1, Ordering::Relaxed);
                        }
                    });
                }
            }
            for (index, operation) in own.iter_mut().enumerate() {
                chosen.store(index, Ordering::Relaxed);
                for _ in 0..rounds {
                    if table_use == Use::Turns {
                        for (accums, processor) in visits.iter_mut().zip(1..) {
                            run_on(processor)?;
                            accums.iter_mut().for_each(|accum| (accum.call)());
                        }
                        run_on(0)?;
                    }
                    if table_use == Use::All {
                        wait_for_all(&made);
                    }
                    // What comes late of being moved here isn't counted.
                    assert_eq!(ioctl(tables[0].file, UNKNOWN, &mut 0u64), -1);
                    measured(&mut operation.call);
                    executed.blocks.push(first + index);
                }
            }
            stop.store(true, Ordering::Relaxed);
            Ok(())
        })?;
    }
    Ok(executed)
}

/// Waits till each of the others has made a call after the one that it may be at.
fn wait_for_all(made: &[AtomicU64]) {
    let now = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let before: Vec<u64> = made.iter().map(now).collect();
    for (count, before) in made.iter().zip(before) {
        while now(count) < before + 2 {
            thread::yield_now();
        }
    }
}

/// Counts the same operations on two processors one after the other, which share a table and
/// nothing else.
pub fn written(rounds: usize) -> Result<Executed> {
    run_on(0)?;
    let mut executed = Executed::basic(rounds);
    let tables = Table::all(2)?;
    let all = |processor: usize| -> Vec<Operation> {
        let all = tables.iter().flat_map(|table| table.operations(processor));
        all.collect()
    };
    let mut own = all(0);
    thread::scope(|scope| {
        let (order, orders) = mpsc::channel::<usize>();
        let (done, answers) = mpsc::channel();
        scope.spawn(|| {
            let (orders, done) = (orders, done);
            let mut operations = all(1);
            alone_on(1);
            for index in orders {
                measured(&mut operations[index].call);
                done.send(()).expect("the first processor");
            }
        });
        for (index, operation) in own.iter_mut().enumerate() {
            let first = executed.add(once(format!("{FIRST}{}", operation.name)));
            let second = executed.add(once(format!("{SECOND}{}", operation.name)));
            for _ in 0..rounds {
                measured(&mut operation.call);
                order.send(index).expect("the second processor");
                answers.recv().expect("the second processor");
                executed.blocks.extend([first, second]);
            }
        }
    });
    Ok(executed)
}

/// A case of one call in a block.
fn once(id: String) -> CaseInfo {
    CaseInfo {
        id,
        iterations: 1,
        operations: 1,
    }
}

/// Has this thread run on the processor.
fn run_on(processor: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(processor)?;
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

/// The same for a thread that is to be like a process, with a descriptor table of its own. Where
/// threads share one, the kernel counts the users of the open file at each call, in one word.
fn alone_on(processor: usize) {
    run_on(processor).expect("a processor");
    unshare(CloneFlags::CLONE_FILES).expect("a descriptor table");
}
