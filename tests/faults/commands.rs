// SPDX-License-Identifier: MIT OR Apache-2.0

//! The commands on a table: after a fault a command has done all, or nothing.

use crate::{
    calls::Entry,
    injection::{FailNth, Injection, Kind, Left},
    subject::{CONTEXTS, Memory, Subject, initial_state},
    tally::{Attempt, every_copy, every_fault},
};
use atomik_test_support::{
    fdinfo::{self, FdInfo},
    memory::{Pages, page_size},
    raw::{BatchOp, Context, RawFile, RawWatch, accum, expect, image, load, read, set, swap},
};
use atomik_uapi as uapi;
use nix::errno::Errno;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// A command and its effect.
struct Command<'a> {
    name: &'a str,
    number: u32,
    /// True where it writes a result.
    returns: bool,
    memory: Need,
    /// Operations that it counts as.
    ops: u64,
    /// Writes the argument for the attempt with this number.
    prepare: &'a dyn Fn(&Pages, u32, u64),
    /// Does the same to the expected states, and compares the result.
    expected: &'a dyn Fn(&Pages, &mut [u64], u64),
}

/// A command's need of kernel memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    No,
    /// Left to the driver.
    Perhaps,
    Yes,
}

/// Memory of the argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Argument {
    /// Pages that are there.
    There,
    /// Pages of a file that are not there yet, and are copied when they are written to.
    CopyOnWrite,
}

impl Command<'_> {
    fn under_every_fault(&self) {
        let injection = Injection::start();
        let (memory, mut subject) = (Memory::measure(), Subject::new());
        let fail = FailNth::of_this_thread();
        let mut round = 0;
        for argument in [Argument::There, Argument::CopyOnWrite] {
            let arg = match argument {
                Argument::There => Pages::low(32),
                Argument::CopyOnWrite => Pages::low_of_a_file(32),
            };
            for (variant, (entry, kind)) in (0..).zip(Entry::with_each_kind()) {
                injection.choose(kind);
                let attempt = |nth| {
                    round += 1;
                    let call = || entry.ioctl(&subject.file, self.number, arg.at(0));
                    (self.prepare)(&arg, subject.table, round);
                    let before = Before::of(&subject.file);
                    let (result, injected) = fail.call(nth, call);
                    self.check(&mut subject, &arg, round, &before, result);
                    let result = match (argument, result) {
                        // A page that the kernel can't make for the caller counts as one that can't
                        // be used.
                        (Argument::CopyOnWrite, Err(Errno::EFAULT)) => Err(kind.error()),
                        (_, result) => result,
                    };
                    Attempt { injected, result }
                };
                let tally = match kind {
                    Kind::Copy => every_copy(variant, attempt),
                    _ => every_fault(kind, attempt),
                };
                let name = match argument {
                    Argument::There => self.name.to_owned(),
                    Argument::CopyOnWrite => format!("{}, copied", self.name),
                };
                let tally = tally.tell(&entry.name(&name), &kind.to_string());
                // The argument is copied in, or out, or both.
                let reads = self.number != uapi::IOC_GET_INFO;
                let copies = u32::from(reads) + u32::from(self.returns);
                assert!(kind != Kind::Copy || tally.failed >= copies, "{tally:?}");
            }
        }
        round += 1;
        drop(subject);
        // A file without memory of earlier calls.
        let (arg, mut subject) = (Pages::low(32), Subject::new());
        (self.prepare)(&arg, subject.table, round);
        let before = Before::of(&subject.file);
        let result = fail.call_with(&injection, Left::NONE, || {
            Entry::Native.ioctl(&subject.file, self.number, arg.at(0))
        });
        match self.memory {
            Need::No => assert_eq!(result, Ok(()), "{} needs no memory", self.name),
            Need::Perhaps => assert!(matches!(result, Ok(()) | Err(Errno::ENOMEM))),
            Need::Yes => assert_eq!(result, Err(Errno::ENOMEM), "{} without memory", self.name),
        }
        self.check(&mut subject, &arg, round, &before, result);
        drop(subject);
        memory.assert_back();
    }

    /// The command has been done and counted, or nothing has.
    fn check(
        &self,
        subject: &mut Subject,
        arg: &Pages,
        round: u64,
        before: &Before,
        result: Result<(), Errno>,
    ) {
        let after = fdinfo::read(&subject.file);
        let served = if result.is_ok() { self.ops } else { 0 };
        let Before { info, descriptor } = before;
        assert_eq!(after.ops - info.ops, served, "{}", self.name);
        assert_eq!(after.tables, info.tables);
        // A batch leaves its memory for the next one.
        let kept = self.ops.saturating_mul(ENTRY).next_power_of_two();
        // A table that is watched has a byte for each context.
        let kept = kept + u64::from(CONTEXTS.next_power_of_two());
        assert!(after.bytes <= info.bytes + kept, "{}", self.name);
        if result.is_ok() {
            (self.expected)(arg, &mut subject.states, round);
        }
        subject.check();
        assert_eq!(lowest_descriptor(&subject.file), *descriptor);
    }
}

/// State of a file and of this process before a command.
struct Before {
    info: FdInfo,
    /// Number that the next descriptor gets.
    descriptor: i32,
}

impl Before {
    fn of(file: &RawFile) -> Self {
        Self {
            info: fdinfo::read(file),
            descriptor: lowest_descriptor(file),
        }
    }
}

/// The number that the next descriptor of this process gets. No other test makes one meanwhile.
fn lowest_descriptor(file: &RawFile) -> i32 {
    file.0.try_clone().unwrap().as_raw_fd()
}

const ADDR: u32 = 3;
/// Bytes of a batch's entry.
const ENTRY: u64 = size_of::<uapi::BatchOp>() as u64;

#[test]
fn load_one() {
    Command {
        name: "load",
        number: uapi::IOC_LOAD,
        returns: false,
        memory: Need::No,
        ops: 1,
        prepare: &|arg, table_id, round| {
            arg.put(
                0,
                &[uapi::Load {
                    table_id,
                    addr: ADDR,
                    initial_state: round,
                }],
            );
        },
        expected: &|_, states, round| states[ADDR as usize] = round,
    }
    .under_every_fault();
}

#[test]
fn accum_one() {
    Command {
        name: "accum",
        number: uapi::IOC_ACCUM,
        returns: false,
        memory: Need::No,
        ops: 1,
        prepare: &|arg, table_id, delta| {
            arg.put(
                0,
                &[uapi::Accum {
                    table_id,
                    addr: ADDR,
                    delta,
                }],
            );
        },
        expected: &|_, states, delta| states[ADDR as usize] ^= delta,
    }
    .under_every_fault();
}

#[test]
fn read_one() {
    Command {
        name: "read",
        number: uapi::IOC_READ,
        returns: true,
        memory: Need::No,
        ops: 1,
        prepare: &|arg, table_id, _| {
            arg.put(
                0,
                &[uapi::Read {
                    table_id,
                    addr: ADDR,
                    state: !0,
                }],
            );
        },
        expected: &|arg, states, _| assert_eq!(arg.word(8), states[ADDR as usize]),
    }
    .under_every_fault();
}

#[test]
fn swap_one() {
    Command {
        name: "swap",
        number: uapi::IOC_SWAP,
        returns: true,
        memory: Need::No,
        ops: 1,
        prepare: &|arg, table_id, round| {
            arg.put(
                0,
                &[uapi::Swap {
                    table_id,
                    addr: ADDR,
                    new_reference: round,
                    old_state: !0,
                }],
            );
        },
        expected: &|arg, states, round| {
            assert_eq!(arg.word(16), states[ADDR as usize]);
            states[ADDR as usize] = round;
        },
    }
    .under_every_fault();
}

#[test]
fn get_info() {
    Command {
        name: "get_info",
        number: uapi::IOC_GET_INFO,
        returns: true,
        memory: Need::No,
        ops: 0,
        prepare: &|arg, _, _| arg.put(0, &[uapi::Info::default()]),
        expected: &|arg, _, _| assert_eq!(arg.word(0) as u32, uapi::VERSION),
    }
    .under_every_fault();
}

#[test]
fn export() {
    Command {
        name: "export",
        number: uapi::IOC_EXPORT,
        returns: true,
        memory: Need::Yes,
        ops: 0,
        prepare: &|arg, table_id, _| {
            arg.put(
                0,
                &[uapi::Export {
                    table_id,
                    flags: uapi::EXPORT_READ_ONLY,
                    fd: -1,
                    reserved: 0,
                }],
            );
        },
        expected: &|arg, states, _| {
            let (table, fd) = (arg.word(0) as u32, arg.word(8) as i32);
            // SAFETY: the driver has made this descriptor for us alone.
            let export = RawFile(unsafe { OwnedFd::from_raw_fd(fd) });
            assert_eq!(export.read(table, ADDR), Ok(states[ADDR as usize]));
            assert_eq!(export.accum(table, ADDR, 1), Err(Errno::EBADF));
        },
    }
    .under_every_fault();
}

#[test]
fn watch() {
    Command {
        name: "watch",
        number: uapi::IOC_WATCH,
        returns: true,
        memory: Need::Yes,
        ops: 0,
        prepare: &|arg, table_id, _| {
            arg.put(
                0,
                &[uapi::Watch {
                    table_id,
                    addr: 0,
                    count: CONTEXTS,
                    flags: uapi::WATCH_NONBLOCK,
                    fd: -1,
                    reserved: 0,
                }],
            );
        },
        expected: &|arg, states, _| {
            let fd = arg.word(16) as i32;
            // SAFETY: the driver has made this descriptor for us alone.
            let watch = RawWatch(unsafe { OwnedFd::from_raw_fd(fd) });
            let told = (0..).zip(states.iter().copied()).collect();
            assert_eq!(watch.read(states.len()), Ok(told));
        },
    }
    .under_every_fault();
}

#[test]
fn touch() {
    Command {
        name: "touch",
        number: uapi::IOC_TOUCH,
        returns: false,
        memory: Need::No,
        ops: 0,
        prepare: &|arg, table_id, _| {
            arg.put(
                0,
                &[uapi::Touch {
                    table_id,
                    addr: 0,
                    count: CONTEXTS,
                    reserved: 0,
                }],
            );
        },
        expected: &|_, _, _| {},
    }
    .under_every_fault();
}

/// A read of a watch that fails has told nothing.
#[test]
fn read_of_a_watch() {
    let injection = Injection::start();
    let (memory, mut subject) = (Memory::measure(), Subject::new());
    let (fail, pages) = (FailNth::of_this_thread(), Pages::low(1));
    let watch = subject
        .file
        .watch(subject.table, 0, CONTEXTS, uapi::WATCH_NONBLOCK)
        .expect("WATCH");
    let fd = watch.0.as_raw_fd();
    pages.put(0, &vec![0u8; page_size()]);
    let all = |states: &[u64]| (0..).zip(states.iter().copied()).collect::<Vec<_>>();
    for kind in Kind::ALL {
        injection.choose(kind);
        let attempt = |nth| {
            let (table, file) = (subject.table, &subject.file);
            file.touch(table, 0, CONTEXTS).expect("TOUCH");
            let (result, injected) = fail.call(nth, || {
                // SAFETY: the kernel writes to the page, which nobody else uses.
                let read = unsafe { nix::libc::read(fd, pages.at(0), page_size()) };
                Errno::result(read)
            });
            match result {
                Ok(bytes) => {
                    let words = (0..bytes as usize).step_by(16);
                    let told = words.map(|at| (pages.word(at) as u32, pages.word(at + 8)));
                    assert_eq!(told.collect::<Vec<_>>(), all(&subject.states));
                    assert_eq!(watch.read(1), Err(Errno::EAGAIN));
                }
                Err(_) => assert_eq!(watch.read(page_size()), Ok(all(&subject.states))),
            }
            subject.check();
            let _ = watch.read(page_size());
            let result = result.map(drop);
            Attempt { injected, result }
        };
        let tally = match kind {
            Kind::Copy => every_copy(0, attempt),
            _ => every_fault(kind, attempt),
        };
        let tally = tally.tell("read of a watch", &kind.to_string());
        assert!(kind != Kind::Copy || tally.failed > 0, "{tally:?}");
    }
    let (table, file) = (subject.table, &subject.file);
    file.touch(table, 0, CONTEXTS).expect("TOUCH");
    let result = fail.call_with(&injection, Left::NONE, || {
        // SAFETY: as above.
        let read = unsafe { nix::libc::read(fd, pages.at(0), page_size()) };
        Errno::result(read)
    });
    assert_eq!(result, Err(Errno::ENOMEM));
    assert_eq!(watch.read(page_size()), Ok(all(&subject.states)));
    drop((watch, subject));
    memory.assert_back();
}

/// Contexts of an image, which starts at `ADDR`.
const IMAGE: u32 = 12;

#[test]
fn snapshot() {
    Command {
        name: &format!("snapshot of {IMAGE}"),
        number: uapi::IOC_SNAPSHOT,
        returns: true,
        memory: Need::Yes,
        ops: IMAGE.into(),
        prepare: &|arg, table, _| {
            arg.put(0, &[image(table, ADDR, IMAGE, arg.at(page_size()) as u64)]);
            arg.put(page_size(), &[Context::default(); IMAGE as usize]);
        },
        expected: &|arg, states, _| {
            for (i, state) in states
                .iter()
                .skip(ADDR as usize)
                .take(IMAGE as usize)
                .enumerate()
            {
                let at = page_size() + i * size_of::<Context>();
                assert_eq!(arg.word(at) ^ arg.word(at + 8), *state, "context {i}");
            }
        },
    }
    .under_every_fault();
}

#[test]
fn restore() {
    let contexts = |round: u64| {
        (1..=u64::from(IMAGE)).map(move |i| Context {
            reference: round.wrapping_mul(i),
            accumulator: round << 32,
        })
    };
    Command {
        name: &format!("restore of {IMAGE}"),
        number: uapi::IOC_RESTORE,
        returns: false,
        memory: Need::Yes,
        ops: IMAGE.into(),
        prepare: &|arg, table, round| {
            arg.put(0, &[image(table, ADDR, IMAGE, arg.at(page_size()) as u64)]);
            arg.put(page_size(), &contexts(round).collect::<Vec<_>>());
        },
        expected: &|_, states, round| {
            for (state, context) in states.iter_mut().skip(ADDR as usize).zip(contexts(round)) {
                *state = context.reference ^ context.accumulator;
            }
        },
    }
    .under_every_fault();
}

/// Makes the entry with this number in this round, at this address.
type MakeEntry = fn(u32, u64, u32) -> BatchOp;

/// Makes each of the four operations in turn. Each changes or returns something.
fn mixed(i: u32, round: u64, addr: u32) -> BatchOp {
    match i % 4 {
        0 => accum(addr, (round << 8) | 1),
        1 => swap(addr),
        2 => load(addr, round ^ u64::from(i)),
        _ => read(addr),
    }
}

/// The context of conditions, which no entry changes.
const CONDITION: u32 = 5;

/// Makes conditions that hold, SETs and results in turn.
fn conditional(i: u32, round: u64, addr: u32) -> BatchOp {
    let addr = if addr == CONDITION { addr + 1 } else { addr };
    match i % 4 {
        0 => expect(CONDITION, initial_state(CONDITION)),
        1 => set(addr, round ^ u64::from(i)),
        2 => swap(addr),
        _ => read(addr),
    }
}

/// BATCH of `count` entries.
fn batch(name: &str, count: u32, entry: MakeEntry) {
    let entries = |round: u64| -> Vec<BatchOp> {
        // A factor that takes each operation through all contexts.
        (0..count)
            .map(|i| entry(i, round, (i * 7 + i / 4) % (CONTEXTS - 1)))
            .collect()
    };
    let returns = entries(0)
        .iter()
        .any(|op| matches!(op.opcode, uapi::OP_READ | uapi::OP_SWAP));
    Command {
        name,
        number: uapi::IOC_BATCH,
        returns,
        // So many do not fit on a stack.
        memory: if count < uapi::MAX_BATCH {
            Need::Perhaps
        } else {
            Need::Yes
        },
        ops: u64::from(count),
        prepare: &|arg, table_id, round| {
            let batch = uapi::Batch {
                table_id,
                num_ops: count,
                ops_ptr: arg.at(page_size()) as u64,
            };
            arg.put(0, &[batch]);
            arg.put(page_size(), &entries(round));
        },
        expected: &|arg, states, round| {
            for (i, op) in entries(round).iter().enumerate() {
                let state = &mut states[op.addr as usize];
                match op.opcode {
                    uapi::OP_LOAD | uapi::OP_SET => *state = op.value,
                    uapi::OP_ACCUM => *state ^= op.value,
                    uapi::OP_EXPECT => {}
                    _ => {
                        let told = arg.entry(page_size() + i * size_of::<BatchOp>());
                        assert_eq!(told.value, *state, "entry {i}");
                    }
                }
            }
        },
    }
    .under_every_fault();
}

#[test]
fn batch_of_1() {
    batch("batch of 1", 1, mixed);
}

/// Few results are written while the table is closed.
#[test]
fn batch_of_4() {
    batch("batch of 4", 4, mixed);
}

#[test]
fn batch_of_16() {
    batch("batch of 16", 16, mixed);
}

/// READs alone are written when the table is open again.
#[test]
fn batch_of_16_reads() {
    batch("batch of 16 READs", 16, |_, _, addr| read(addr));
}

#[test]
fn batch_of_4_with_conditions() {
    batch("conditions, 4", 4, conditional);
}

#[test]
fn batch_of_16_with_conditions() {
    batch("conditions, 16", 16, conditional);
}

/// Without results, so that nothing is pinned.
#[test]
fn batch_of_2_with_a_condition() {
    batch("compare and set", 2, conditional);
}

#[test]
fn batch_of_256_with_conditions() {
    batch("conditions, 256", 256, conditional);
}

#[test]
fn batch_of_256() {
    batch("batch of 256", 256, mixed);
}

#[test]
fn batch_of_4096() {
    batch("batch of 4096", 4096, mixed);
}
