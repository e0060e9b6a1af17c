// SPDX-License-Identifier: MIT OR Apache-2.0
//! Threads side by side: the throughput of several.

use crate::ioctl::{UNKNOWN, ioctl};
use anyhow::Result;
use atomik_bench::ThreadsReport;
use atomik_test_support::raw::{self, BatchOp, RawFile, open_device};
use atomik_uapi as uapi;
use nix::sched::{CloneFlags, CpuSet, sched_setaffinity, unshare};
use nix::unistd::Pid;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const THREADS: [usize; 3] = [1, 2, 4];
/// Duration of a measurement.
const SPAN: Duration = Duration::from_millis(40);
/// Operations between checks of the flag that ends them.
const STRETCH: u64 = 16;
/// Distance between contexts of different threads: a page, so that they share no cache line.
const APART: u32 = 256;
const BATCH: u32 = 64;

/// Operations of the threads. Each gets its thread's files and number.
struct Scenario {
    name: &'static str,
    /// Gives each thread an open file and a table of its own.
    own_file: bool,
    /// Operations that one call of `step` does.
    operations: u64,
    step: fn(&mut Worker),
}

/// Variant of a scenario to measure.
struct Case {
    scenario: &'static Scenario,
    threads: usize,
    /// Gives each thread a descriptor table of its own, as a process has. Where threads share one,
    /// the kernel counts the users of the open file at each call, in one word.
    processes: bool,
}

/// A thread's files, table and number.
struct Worker<'a> {
    file: &'a RawFile,
    accum: uapi::Accum,
    batch: uapi::Batch,
    own: &'a OwnLine,
}

/// A word on cache lines of its own; two, since processors fetch pairs.
#[repr(align(128))]
#[derive(Default)]
struct OwnLine(AtomicU64);

static SCENARIOS: [Scenario; 8] = [
    Scenario {
        name: "memory/own",
        own_file: true,
        operations: 1,
        step: |worker| worker.own_memory(),
    },
    Scenario {
        name: "unknown-ioctl/own-files",
        own_file: true,
        operations: 1,
        step: |worker| worker.unknown(),
    },
    Scenario {
        name: "unknown-ioctl/one-file",
        own_file: false,
        operations: 1,
        step: |worker| worker.unknown(),
    },
    Scenario {
        name: "accum/own-files",
        own_file: true,
        operations: 1,
        step: |worker| worker.accum(),
    },
    Scenario {
        name: "accum/different-contexts",
        own_file: false,
        operations: 1,
        step: |worker| worker.accum(),
    },
    Scenario {
        name: "accum/same-context",
        own_file: false,
        operations: 1,
        step: |worker| worker.accum_same(),
    },
    Scenario {
        name: "batch/own-files",
        own_file: true,
        operations: BATCH as u64,
        step: |worker| worker.batch(),
    },
    Scenario {
        name: "batch/one-table",
        own_file: false,
        operations: BATCH as u64,
        step: |worker| worker.batch(),
    },
];

impl Worker<'_> {
    fn own_memory(&mut self) {
        self.own.0.fetch_xor(3, Ordering::SeqCst);
    }

    fn unknown(&mut self) {
        assert_eq!(ioctl(self.file, UNKNOWN, &mut 0u64), -1);
    }

    fn accum(&mut self) {
        assert_eq!(ioctl(self.file, uapi::IOC_ACCUM, &mut self.accum), 0);
    }

    fn accum_same(&mut self) {
        self.accum.addr = 0;
        self.accum();
    }

    fn batch(&mut self) {
        assert_eq!(ioctl(self.file, uapi::IOC_BATCH, &mut self.batch), 0);
    }
}

impl Case {
    /// Makes the variants of a scenario; with `processes` too where threads share a file.
    fn all(scenario: &'static Scenario) -> impl Iterator<Item = Self> {
        let among = if scenario.own_file {
            &[false][..]
        } else {
            &[false, true]
        };
        among.iter().flat_map(move |&processes| {
            THREADS.map(|threads| Self {
                scenario,
                threads,
                processes,
            })
        })
    }

    fn name(&self) -> String {
        let suffix = if self.processes { "/processes" } else { "" };
        format!("{}{suffix}", self.scenario.name)
    }
}

/// Measures all scenarios with each number of threads, `rounds` times. The rounds are the outer
/// loop, so that other load on the machine meets all alike.
pub fn measure(rounds: usize) -> Result<Vec<ThreadsReport>> {
    let cpus = thread::available_parallelism()?.get();
    let mut reports: Vec<(Case, ThreadsReport)> = SCENARIOS
        .iter()
        .flat_map(Case::all)
        .filter(|case| case.threads <= cpus)
        .map(|case| {
            let report = ThreadsReport {
                scenario: case.name(),
                threads: case.threads,
                rates: Vec::new(),
            };
            (case, report)
        })
        .collect();
    for _ in 0..rounds {
        for (case, report) in &mut reports {
            report.rates.push(rate(case)?);
        }
    }
    Ok(reports.into_iter().map(|(_, report)| report).collect())
}

/// Operations a second of a case's threads together.
fn rate(case: &Case) -> Result<f64> {
    let Case {
        scenario, threads, ..
    } = *case;
    let files: Vec<RawFile> = (0..threads).map(|_| open_device()).collect();
    let ids = files
        .iter()
        .map(|file| file.create(threads as u32 * APART))
        .collect::<Result<Vec<u32>, _>>()?;
    let lines: Vec<OwnLine> = (0..threads).map(|_| OwnLine::default()).collect();
    let (ready, stop) = (Barrier::new(threads + 1), AtomicBool::new(false));
    Ok(thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|number| {
                let index = if scenario.own_file { number } else { 0 };
                let (file, table_id, own) = (&files[index], ids[index], &lines[number]);
                let (ready, stop) = (&ready, &stop);
                scope.spawn(move || {
                    let mut cpu = CpuSet::new();
                    cpu.set(number)
                        .and_then(|()| sched_setaffinity(Pid::from_raw(0), &cpu))
                        .expect("a CPU");
                    if case.processes {
                        unshare(CloneFlags::CLONE_FILES).expect("a descriptor table");
                    }
                    let addr = number as u32 * APART;
                    let mut ops: Vec<BatchOp> =
                        (0..BATCH).map(|i| raw::accum(addr + i, 3)).collect();
                    let mut worker = Worker {
                        file,
                        accum: uapi::Accum {
                            table_id,
                            addr,
                            delta: 3,
                        },
                        batch: uapi::Batch {
                            table_id,
                            num_ops: BATCH,
                            ops_ptr: ops.as_mut_ptr() as u64,
                        },
                        own,
                    };
                    ready.wait();
                    let (start, mut done) = (Instant::now(), 0);
                    while !stop.load(Ordering::Relaxed) {
                        for _ in 0..STRETCH {
                            (scenario.step)(&mut worker);
                        }
                        done += STRETCH * scenario.operations;
                    }
                    done as f64 / start.elapsed().as_secs_f64()
                })
            })
            .collect();
        ready.wait();
        thread::sleep(SPAN);
        stop.store(true, Ordering::Relaxed);
        workers
            .into_iter()
            .map(|worker| worker.join().expect("a worker"))
            .sum()
    }))
}
