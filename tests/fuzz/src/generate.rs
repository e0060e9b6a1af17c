// SPDX-License-Identifier: MIT OR Apache-2.0

//! Makes programs from random numbers.

use crate::{
    location::{HALF, Half, Location, Nowhere},
    program::{
        Access, Caller, Command, Ioctl, MAX_THREADS, Map, Op, Other, Program, Read, Rights, Slot,
        Step, Table, Touch,
    },
};
use atomik_uapi as uapi;
use rand::{
    Rng,
    seq::{IndexedRandom, SliceRandom},
};

/// Values at the ends of ranges.
const VALUES: [u64; 9] = [
    0,
    1,
    2,
    0x7fff_ffff,
    0xffff_ffff,
    1 << 32,
    1 << 63,
    u64::MAX - 1,
    u64::MAX,
];
const COUNTS: [u32; 20] = [
    0,
    1,
    1,
    1,
    2,
    2,
    2,
    3,
    3,
    3,
    4,
    4,
    8,
    8,
    255,
    256,
    4096,
    65536,
    65537,
    0xffff_ffff,
];
const ADDRESSES: [u32; 10] = [0, 1, 2, 3, 4, 7, 255, 65535, 65536, 0xffff_ffff];

/// Names that a program has made so far. Most of the next steps refer to them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Names {
    slots: u8,
    tables: u8,
    maps: u8,
}

impl Names {
    /// Names after a program's setup.
    pub fn of(steps: &[Step]) -> Self {
        let mut names = Self::default();
        steps.iter().for_each(|step| names.add(step));
        names
    }

    fn add(&mut self, step: &Step) {
        let creates = |ioctl: &Ioctl| matches!(ioctl.call, Command::Create { .. });
        match step {
            Step::Ioctl(ioctl) | Step::Repeat(_, ioctl) if ioctl.call.makes_descriptor() => {
                self.slots = self.slots.saturating_add(1);
            }
            Step::Open(_) | Step::Reopen(_) | Step::Dup(_) | Step::Pass(_) => {
                self.slots = self.slots.saturating_add(1);
            }
            Step::Ioctl(ioctl) if creates(ioctl) => self.tables = self.tables.saturating_add(1),
            Step::Repeat(times, ioctl) if creates(ioctl) => {
                let times = (*times).min(255) as u8;
                self.tables = self.tables.saturating_add(times);
            }
            Step::Map(_) => self.maps = self.maps.saturating_add(1),
            _ => {}
        }
    }
}

/// Makes a program.
pub fn program(random: &mut impl Rng) -> Program {
    let mut program = Program::default();
    let mut names = Names::default();
    let begin = [
        Step::Open(if random.random_ratio(9, 10) {
            Access::Rdwr
        } else {
            access(random)
        }),
        Step::Ioctl(Ioctl {
            fd: 0,
            call: Command::Create {
                contexts: if random.random_ratio(1, 50) {
                    65536
                } else {
                    *[1, 2, 3, 8].choose(random).expect("some")
                },
            },
            at: Location::FINE,
            by: Caller::Thread,
        }),
    ];
    for step in begin {
        names.add(&step);
        program.setup.push(step);
    }
    let threads = random.random_ratio(1, 4);
    let length = random.random_range(if threads { 0..8 } else { 1..24 });
    for _ in 0..length {
        let step = step(random, names);
        names.add(&step);
        program.setup.push(step);
    }
    if threads && random.random_ratio(1, 4) {
        program.threads = (0..MAX_THREADS)
            .map(|_| accumulations(random, names))
            .collect();
    } else if threads {
        program.storm = random.random_ratio(1, 4);
        let most = if program.storm { 16 } else { 5 };
        for _ in 0..random.random_range(2..=MAX_THREADS) {
            let mut own = names;
            let mut steps = Vec::new();
            for _ in 0..random.random_range(1..=most) {
                let step = self::step(random, own);
                own.add(&step);
                steps.push(step);
            }
            program.threads.push(steps);
        }
    }
    program.signals = random.random_ratio(1, 16);
    program
}

/// Makes many ACCUMs on few contexts, so that those of another thread come in between. An ACCUM
/// that is not atomic loses some.
fn accumulations(random: &mut impl Rng, names: Names) -> Vec<Step> {
    let fine = |call| Ioctl {
        fd: 0,
        call,
        at: Location::FINE,
        by: Caller::Thread,
    };
    let mut steps = Vec::new();
    for _ in 0..random.random_range(1..=3) {
        let table = if random.random_bool(0.5) {
            Table::T(0)
        } else {
            table(random, names)
        };
        let addr = random.random_range(0..2);
        let call = if random.random_ratio(3, 4) {
            Command::Accum {
                table,
                addr,
                value: value(random),
            }
        } else {
            Command::Batch {
                table,
                ops: vec![Op {
                    op: uapi::OP_ACCUM,
                    addr,
                    value: value(random),
                    reserved: [0; 3],
                }],
                more: 0,
                num_ops: None,
                ops_at: Location::FINE,
            }
        };
        // An odd number, as two that are lost may make up for each other.
        let times = *[33, 65, 127].choose(random).expect("some");
        steps.push(Step::Repeat(times, fine(call)));
    }
    steps
}

/// Creates tables until not one byte of the module's limit is left. Memory that earlier programs
/// have lost is missing here.
pub fn all_memory() -> Program {
    /// More tables than fill the limit: the largest ones, and then one of each size.
    const TABLES: u8 = 60;
    let ioctl = |call| Ioctl {
        fd: 0,
        call,
        at: Location::FINE,
        by: Caller::Thread,
    };
    let mut program = Program::default();
    program.setup.push(Step::Open(Access::Rdwr));
    // Places stay, so that afterwards tables cost nothing but their contexts, down to the smallest.
    let small = ioctl(Command::Create { contexts: 1 });
    program.setup.push(Step::Repeat(TABLES.into(), small));
    for number in 0..TABLES {
        let table = Table::T(number);
        let destroy = ioctl(Command::Destroy { table });
        program.setup.push(Step::Ioctl(destroy));
    }
    for power in (0..=16).rev() {
        let contexts = 1 << power;
        let create = ioctl(Command::Create { contexts });
        program.setup.push(Step::Repeat(20, create));
    }
    program
}

/// Makes a step that may follow.
pub fn step(random: &mut impl Rng, names: Names) -> Step {
    match random.random_range(0..100) {
        0..4 => Step::Open(access(random)),
        4 => Step::Reopen(slot(random, names)),
        5..8 => Step::Dup(slot(random, names)),
        8 => Step::Pass(slot(random, names)),
        9..12 => Step::Close(slot(random, names)),
        12..15 => Step::FdInfo(slot(random, names)),
        29..33 => Step::Read(read(random, names)),
        33 => Step::Poll(slot(random, names)),
        15 => {
            let others = [Other::Read, Other::Write, Other::Mmap];
            Step::Other(slot(random, names), *others.choose(random).expect("some"))
        }
        16..20 => Step::Map(map(random, names)),
        20..26 => {
            let (map, addr) = (self::map_number(random, names), address(random));
            Step::Touch(map, addr, touch(random))
        }
        26 => Step::Unmap(map_number(random, names)),
        27..29 => {
            let times = *[2, 9, 40, 257].choose(random).expect("some");
            let mut ioctl = ioctl(random, names);
            if ioctl.by == Caller::Child {
                ioctl.by = Caller::Thread;
            }
            if let Command::Batch { more, .. } = &mut ioctl.call {
                *more = 0;
            }
            Step::Repeat(times, ioctl)
        }
        _ => Step::Ioctl(ioctl(random, names)),
    }
}

/// Makes a mapping, mostly one that a small table has.
pub fn map(random: &mut impl Rng, names: Names) -> Map {
    let odd = random.random_ratio(1, 8);
    Map {
        fd: slot(random, names),
        table: table(random, names),
        first: if odd {
            *[0, 1, 2, 127, 128, 255].choose(random).expect("some")
        } else {
            0
        },
        pages: if random.random_ratio(1, 8) {
            *[0, 2, 3, 127, 128, 129, 257, u16::MAX]
                .choose(random)
                .expect("some")
        } else {
            1
        },
        rights: match random.random_range(0..8) {
            0 => *Rights::ALL.choose(random).expect("some"),
            1 => Rights::Read,
            _ => Rights::ReadWrite,
        },
        private: random.random_ratio(1, 16),
    }
}

/// Makes a read, mostly of the descriptor that was made last: it may be a watch.
pub fn read(random: &mut impl Rng, names: Names) -> Read {
    Read {
        fd: if names.slots > 0 && random.random_bool(0.5) {
            names.slots - 1
        } else {
            slot(random, names)
        },
        most: if random.random_ratio(1, 8) {
            *[0, 64, 255, 4096, 8192].choose(random).expect("some")
        } else {
            random.random_range(1..5)
        },
        to: location(random),
    }
}

pub fn map_number(random: &mut impl Rng, names: Names) -> u8 {
    random.random_range(0..names.maps.max(1))
}

pub fn touch(random: &mut impl Rng) -> Touch {
    match random.random_range(0..4) {
        0 => Touch::Read,
        1 => Touch::Store(value(random)),
        _ => Touch::Accum(value(random)),
    }
}

fn access(random: &mut impl Rng) -> Access {
    *Access::ALL.choose(random).expect("some")
}

fn slot(random: &mut impl Rng, names: Names) -> Slot {
    if names.slots == 0 || random.random_ratio(1, 40) {
        return 0xff;
    }
    // The first file has most of the tables.
    if random.random_bool(0.5) {
        0
    } else {
        random.random_range(0..names.slots)
    }
}

pub fn table(random: &mut impl Rng, names: Names) -> Table {
    match random.random_range(0..20) {
        0 => Table::Id(
            *[0, 1, 256, 257, 513, u32::MAX]
                .choose(random)
                .expect("some"),
        ),
        1 => Table::Id(random.random()),
        _ if names.tables == 0 => Table::T(0),
        2..10 => Table::T(names.tables - 1),
        10..16 => Table::T(0),
        _ => Table::T(random.random_range(0..names.tables)),
    }
}

pub fn address(random: &mut impl Rng) -> u32 {
    match random.random_range(0..10) {
        0 => random.random(),
        1..4 => *ADDRESSES.choose(random).expect("some"),
        _ => random.random_range(0..4),
    }
}

pub fn value(random: &mut impl Rng) -> u64 {
    if random.random_bool(0.5) {
        *VALUES.choose(random).expect("some")
    } else {
        random.random()
    }
}

/// Chooses memory: mostly ordinary, else hostile.
pub fn location(random: &mut impl Rng) -> Location {
    match random.random_range(0..20) {
        0 => Location::Nowhere(*Nowhere::ALL.choose(random).expect("some")),
        1..8 => {
            let half = |random: &mut _| *Half::ALL.choose(random).expect("some");
            let (first, second) = (half(random), half(random));
            let before = match random.random_range(0..10) {
                // Ends or begins at the border.
                0..4 => *[0, 4, 8, 16, 24, 40].choose(random).expect("some"),
                4..7 => random.random_range(0..64),
                7 => 16 * random.random_range(0..=HALF as u32 / 16),
                8 => 4096 - random.random_range(0..48),
                _ => random.random_range(0..=HALF as u32),
            };
            Location::At(first, second, before)
        }
        // Ordinary memory, oddly aligned.
        8..10 => Location::At(Half::Rw, Half::Rw, 8 * random.random_range(1..1024)),
        _ => Location::FINE,
    }
}

pub fn op(random: &mut impl Rng) -> Op {
    let op = if random.random_ratio(1, 40) {
        random.random()
    } else {
        random.random_range(0..6)
    };
    let mut reserved = [0; 3];
    if random.random_ratio(1, 40) {
        reserved[random.random_range(0..3)] = random.random();
    }
    Op {
        op,
        addr: if random.random_ratio(1, 12) {
            address(random)
        } else {
            random.random_range(0..2)
        },
        // Conditions that hold now and then: states are 0 at first.
        value: match op {
            uapi::OP_EXPECT | uapi::OP_SET if random.random_bool(0.7) => 0,
            _ => value(random),
        },
        reserved,
    }
}

/// Flags of EXPORT.
pub fn export_flags(random: &mut impl Rng) -> u32 {
    match random.random_range(0..20) {
        0 => random.random(),
        1..10 => 0,
        _ => uapi::EXPORT_READ_ONLY,
    }
}

/// Flags of WATCH.
pub fn watch_flags(random: &mut impl Rng) -> u32 {
    match random.random_range(0..20) {
        0 => random.random(),
        1..10 => 0,
        _ => uapi::WATCH_NONBLOCK,
    }
}

/// Makes a command number, known or near one.
fn number(random: &mut impl Rng) -> u32 {
    let number = uapi::COMMANDS.choose(random).expect("some").ioc;
    match random.random_range(0..8) {
        0 => number,
        // Another direction, size, type or number.
        1 => number ^ (1 << random.random_range(30..32)),
        2 => number ^ (1 << random.random_range(16..30)),
        3 => number ^ (1 << random.random_range(8..16)),
        4 => number ^ (1 << random.random_range(0..8)),
        5 => number ^ (1 << random.random_range(0..32)) ^ (1 << random.random_range(0..32)),
        _ => (number & !0xff) | u32::from(random.random::<u8>()),
    }
}

pub fn command(random: &mut impl Rng, names: Names) -> Command {
    let kind = random.random_range(0..100);
    let table = table(random, names);
    match kind {
        0..10 => Command::Create {
            contexts: if random.random_ratio(1, 40) {
                random.random_range(0..70_000)
            } else {
                *COUNTS.choose(random).expect("some")
            },
        },
        10..15 => Command::Destroy { table },
        15..28 => Command::Load {
            table,
            addr: address(random),
            value: value(random),
        },
        28..41 => Command::Accum {
            table,
            addr: address(random),
            value: value(random),
        },
        41..54 => Command::Read {
            table,
            addr: address(random),
        },
        54..67 => Command::Swap {
            table,
            addr: address(random),
            value: value(random),
        },
        67..72 => Command::Snapshot {
            table,
            addr: address(random),
            count: count(random),
            reserved: reserved(random),
            contexts_at: location(random),
        },
        72..77 => Command::Restore {
            table,
            addr: address(random),
            contexts: (0..random.random_range(1..4))
                .map(|_| (value(random), value(random)))
                .collect(),
            more: if random.random_ratio(1, 16) {
                *[7, 255, 1365, 4095].choose(random).expect("some")
            } else {
                0
            },
            count: random.random_ratio(1, 12).then(|| count(random)),
            reserved: reserved(random),
            contexts_at: location(random),
        },
        77..91 => {
            let mut ops: Vec<Op> = (0..random.random_range(1..8)).map(|_| op(random)).collect();
            // The driver treats entries of one kind, few and many in ways of their own.
            if random.random_ratio(1, 3) {
                let one = random.random_range(0..6);
                ops.iter_mut().for_each(|op| op.op = one);
            }
            ops.shuffle(random);
            Command::Batch {
                table,
                ops,
                more: match random.random_range(0..12) {
                    0..3 => random.random_range(0..64),
                    3 => *[511, 512, 1023, 4095].choose(random).expect("some"),
                    _ => 0,
                },
                num_ops: random.random_ratio(1, 16).then(|| {
                    *[0, 1, 2, 255, 4096, 4097, 0x8000_0000, 0xffff_ffff]
                        .choose(random)
                        .expect("some")
                }),
                ops_at: location(random),
            }
        }
        91..93 => Command::Info,
        93..95 => Command::Export {
            table,
            flags: export_flags(random),
            reserved: reserved(random),
        },
        95..97 => Command::Watch {
            table,
            addr: address(random),
            count: count(random),
            flags: watch_flags(random),
            reserved: reserved(random),
        },
        97 => Command::Touch {
            table,
            addr: address(random),
            count: count(random),
            reserved: reserved(random),
        },
        _ => Command::Raw {
            command: number(random),
            words: (0..random.random_range(0..10))
                .map(|_| {
                    if random.random_bool(0.5) {
                        random.random_range(0..4)
                    } else {
                        value(random) as u32
                    }
                })
                .collect(),
        },
    }
}

/// Number of contexts of an image.
pub fn count(random: &mut impl Rng) -> u32 {
    if random.random_ratio(1, 8) {
        *COUNTS.choose(random).expect("some")
    } else {
        random.random_range(1..4)
    }
}

/// A field that must be zero.
pub fn reserved(random: &mut impl Rng) -> u32 {
    if random.random_ratio(1, 40) {
        random.random()
    } else {
        0
    }
}

pub fn ioctl(random: &mut impl Rng, names: Names) -> Ioctl {
    Ioctl {
        fd: slot(random, names),
        call: command(random, names),
        at: location(random),
        by: match random.random_range(0..500) {
            // Seldom, as forking takes time.
            0 => Caller::Child,
            1..45 => Caller::Compat,
            _ => Caller::Thread,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use std::collections::BTreeSet;

    #[test]
    fn every_command_is_made() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let made: BTreeSet<u32> = (0..1000)
            .map(|_| command(&mut random, Names::default()))
            .filter(|command| !matches!(command, Command::Raw { .. }))
            .map(|command| command.encode(|_| 1).number)
            .collect();
        let served = uapi::Command::all_served().map(|command| command.ioc);
        assert_eq!(made, served.collect());
    }
}
