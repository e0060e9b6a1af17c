// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Program`]: system calls to execute, and their text.

use crate::location::{HALF, Location};
use anyhow::{Context, Result};
use atomik_uapi as uapi;
use ron::extensions::Extensions;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// Threads that a program may have beside the first.
pub const MAX_THREADS: usize = 3;

/// System calls, in order and then side by side.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Program {
    /// Steps that come first.
    pub setup: Vec<Step>,
    /// Steps of threads that race. They begin with the descriptors and tables of `setup`.
    pub threads: Vec<Vec<Step>>,
    /// Interrupts the calls by signals.
    pub signals: bool,
    /// Changes, cuts off and takes away the threads' memory meanwhile. The oracle then only knows
    /// that an error is one of the interface.
    pub storm: bool,
}

/// A descriptor: the number of the step that made one, from 0. One that has not been made is -1.
pub type Slot = u8;

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Step {
    Open(Access),
    /// Opens the descriptor's file once more, through `/proc/self/fd`.
    Reopen(Slot),
    Dup(Slot),
    /// Sends the descriptor over a socket and takes it out there.
    Pass(Slot),
    Close(Slot),
    Ioctl(Ioctl),
    /// The same ioctl many times.
    Repeat(u16, Ioctl),
    /// Compares `/proc/self/fdinfo` with the oracle's tables.
    FdInfo(Slot),
    /// Maps pages of a table. Where threads race, none are mapped.
    Map(Map),
    /// Uses a context of a mapped table without a system call: the number of the mapping, from 0,
    /// and the context's address. Does nothing where the mapping doesn't show the context, or where
    /// threads race with isolated calls, as those are not isolated from this.
    Touch(u8, u32, Touch),
    /// Unmaps a mapping. In threads it stays, as others may be using it.
    Unmap(u8),
    Other(Slot, Other),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Access {
    Rdonly,
    Wronly,
    Rdwr,
    /// The access mode 3: neither reading nor writing, only ioctls.
    Neither,
    Path,
}

impl Step {
    /// True where all of it happens at one moment, except for mappings.
    fn isolates(&self) -> bool {
        let (Self::Ioctl(ioctl) | Self::Repeat(_, ioctl)) = self else {
            return false;
        };
        matches!(
            ioctl.call,
            Command::Batch { .. } | Command::Snapshot { .. } | Command::Restore { .. }
        )
    }

    /// True where the order of several such steps makes no difference: ACCUMs, one by one or in
    /// batches.
    pub fn commutes(&self) -> bool {
        let ioctl = match self {
            Self::Touch(.., touch) => return matches!(touch, Touch::Accum(_)),
            Self::Ioctl(ioctl) | Self::Repeat(_, ioctl) => ioctl,
            _ => return false,
        };
        match &ioctl.call {
            Command::Accum { .. } => true,
            Command::Batch { ops, .. } => ops.iter().all(|op| op.op == uapi::OP_ACCUM),
            _ => false,
        }
    }
}

impl Access {
    pub const ALL: [Self; 5] = [
        Self::Rdonly,
        Self::Wronly,
        Self::Rdwr,
        Self::Neither,
        Self::Path,
    ];
}

/// System calls that the device does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Other {
    Read,
    Write,
    /// At an offset where no table can be.
    Mmap,
}

/// The arguments of `mmap`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Map {
    pub fd: Slot,
    pub table: Table,
    /// The first page, of the table's.
    pub first: u8,
    pub pages: u16,
    #[serde(default)]
    pub rights: Rights,
    /// Asks for a private mapping, which is refused.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub private: bool,
}

/// Rights of a mapping.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Rights {
    #[default]
    ReadWrite,
    Read,
    /// Refused.
    Execute,
}

impl Rights {
    pub const ALL: [Self; 3] = [Self::ReadWrite, Self::Read, Self::Execute];
}

/// Use of a state in a mapping. Each returns the state before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Touch {
    Read,
    Accum(u64),
    /// Sets the state, and keeps the reference.
    Store(u64),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ioctl {
    pub fd: Slot,
    pub call: Command,
    #[serde(default = "fine", skip_serializing_if = "is_fine")]
    pub at: Location,
    #[serde(default, skip_serializing_if = "Caller::is_thread")]
    pub by: Caller,
}

/// The caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Caller {
    #[default]
    Thread,
    /// The thread, by the entry of 32-bit programs.
    Compat,
    /// A forked process. In a program's threads it's the thread itself.
    Child,
}

impl Caller {
    fn is_thread(&self) -> bool {
        *self == Self::Thread
    }
}

fn fine() -> Location {
    Location::FINE
}

fn is_fine(location: &Location) -> bool {
    *location == Location::FINE
}

/// The id of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Table {
    /// The id from the CREATE_TABLE with this number, from 0; 0 where there was none.
    T(u8),
    Id(u32),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Command {
    Create {
        contexts: u32,
    },
    Destroy {
        table: Table,
    },
    Load {
        table: Table,
        addr: u32,
        value: u64,
    },
    Accum {
        table: Table,
        addr: u32,
        value: u64,
    },
    Read {
        table: Table,
        addr: u32,
    },
    Swap {
        table: Table,
        addr: u32,
        value: u64,
    },
    Batch {
        table: Table,
        ops: Vec<Op>,
        /// Each entry this many times more.
        #[serde(default, skip_serializing_if = "is_zero")]
        more: u16,
        /// `num_ops`, where it isn't the number of entries.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        num_ops: Option<u32>,
        #[serde(default = "fine", skip_serializing_if = "is_fine")]
        ops_at: Location,
    },
    Snapshot {
        table: Table,
        addr: u32,
        count: u32,
        #[serde(default, skip_serializing_if = "is_zero")]
        reserved: u32,
        #[serde(default = "fine", skip_serializing_if = "is_fine")]
        contexts_at: Location,
    },
    Restore {
        table: Table,
        addr: u32,
        /// Reference and accumulator of each.
        contexts: Vec<(u64, u64)>,
        /// Each this many times more.
        #[serde(default, skip_serializing_if = "is_zero")]
        more: u16,
        /// `count`, where it isn't the number of contexts.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        count: Option<u32>,
        #[serde(default, skip_serializing_if = "is_zero")]
        reserved: u32,
        #[serde(default = "fine", skip_serializing_if = "is_fine")]
        contexts_at: Location,
    },
    Info,
    /// Any number with any argument.
    Raw {
        command: u32,
        words: Vec<u32>,
    },
}

fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A batch entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Op {
    pub op: u8,
    pub addr: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub value: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reserved: [u8; 3],
}

impl Op {
    fn bytes(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[0] = self.op;
        bytes[1..4].copy_from_slice(&self.reserved);
        bytes[4..8].copy_from_slice(&self.addr.to_ne_bytes());
        bytes[8..].copy_from_slice(&self.value.to_ne_bytes());
        bytes
    }
}

/// Arguments of an ioctl. The pointer to entries is still to be filled in.
pub struct Encoded {
    pub number: u32,
    pub arg: Vec<u8>,
    pub entries: Option<Entries>,
}

/// The entries of a batch or of an image.
pub struct Entries {
    /// Bytes that are given. More may be asked for.
    pub bytes: Vec<u8>,
    /// Bytes that are asked for, within the window.
    pub length: usize,
    pub location: Location,
    /// Offset of the pointer to them in the argument.
    pub pointer: usize,
}

/// Offset of `ops_ptr` in the argument of BATCH.
pub const OPS_PTR: usize = std::mem::offset_of!(uapi::Batch, ops_ptr);
/// Offset of `contexts_ptr` in the argument of SNAPSHOT and RESTORE.
pub const CONTEXTS_PTR: usize = std::mem::offset_of!(uapi::Image, contexts_ptr);
/// Bytes of an entry of either.
pub const ENTRY: usize = size_of::<uapi::BatchOp>();
const _: () = assert!(ENTRY == size_of::<uapi::Context>());

/// Content of result fields before a call.
const BEFORE: u64 = 0x5c5c_5c5c_5c5c_5c5c;

impl Command {
    /// Encodes the command, with `id` for each [`Table`].
    pub fn encode(&self, id: impl Fn(Table) -> u32) -> Encoded {
        let addressed = |table: &Table, addr: &u32| {
            let mut bytes = id(*table).to_ne_bytes().to_vec();
            bytes.extend(addr.to_ne_bytes());
            bytes
        };
        let with = |mut bytes: Vec<u8>, words: &[u64]| {
            bytes.extend(words.iter().flat_map(|word| word.to_ne_bytes()));
            bytes
        };
        let image = |table: &Table, addr: &u32, count: u32, reserved: u32| {
            let mut bytes = addressed(table, addr);
            bytes.extend([count, reserved].map(u32::to_ne_bytes).concat());
            with(bytes, &[0])
        };
        let mut entries = None;
        let (number, arg) = match self {
            Self::Create { contexts } => {
                let words = [*contexts, BEFORE as u32].map(u32::to_ne_bytes);
                (uapi::IOC_CREATE_TABLE, words.concat())
            }
            Self::Destroy { table } => (uapi::IOC_DESTROY_TABLE, id(*table).to_ne_bytes().to_vec()),
            Self::Load { table, addr, value } => {
                (uapi::IOC_LOAD, with(addressed(table, addr), &[*value]))
            }
            Self::Accum { table, addr, value } => {
                (uapi::IOC_ACCUM, with(addressed(table, addr), &[*value]))
            }
            Self::Read { table, addr } => (uapi::IOC_READ, with(addressed(table, addr), &[BEFORE])),
            Self::Swap { table, addr, value } => (
                uapi::IOC_SWAP,
                with(addressed(table, addr), &[*value, BEFORE]),
            ),
            Self::Batch {
                table,
                ops,
                more,
                num_ops,
                ops_at,
            } => {
                let most = uapi::MAX_BATCH as usize;
                let bytes = repeated(ops, *more, most).flat_map(Op::bytes).collect();
                let count = (usize::from(*more) + 1) * ops.len();
                let num_ops = num_ops.unwrap_or(count as u32);
                entries = Some(Entries {
                    bytes,
                    length: most.min(num_ops as usize) * ENTRY,
                    location: ops_at.clamped(),
                    pointer: OPS_PTR,
                });
                (uapi::IOC_BATCH, with(addressed(table, &num_ops), &[0]))
            }
            Self::Snapshot {
                table,
                addr,
                count,
                reserved,
                contexts_at,
            } => {
                entries = Some(Entries {
                    bytes: Vec::new(),
                    length: most_contexts(*count) * ENTRY,
                    location: contexts_at.clamped(),
                    pointer: CONTEXTS_PTR,
                });
                (uapi::IOC_SNAPSHOT, image(table, addr, *count, *reserved))
            }
            Self::Restore {
                table,
                addr,
                contexts,
                more,
                count,
                reserved,
                contexts_at,
            } => {
                let given = (usize::from(*more) + 1) * contexts.len();
                let count = count.unwrap_or(given as u32);
                let bytes = repeated(contexts, *more, most_contexts(given as u32))
                    .flat_map(|(reference, accumulator)| [reference, accumulator])
                    .flat_map(|word| word.to_ne_bytes())
                    .collect();
                entries = Some(Entries {
                    bytes,
                    length: most_contexts(count) * ENTRY,
                    location: contexts_at.clamped(),
                    pointer: CONTEXTS_PTR,
                });
                (uapi::IOC_RESTORE, image(table, addr, count, *reserved))
            }
            Self::Info => (uapi::IOC_GET_INFO, with(Vec::new(), &[BEFORE; 5])),
            Self::Raw { command, words } => {
                let words = words.iter().flat_map(|word| word.to_ne_bytes());
                (harmless(*command), words.collect())
            }
        };
        Encoded {
            number,
            arg,
            entries,
        }
    }
}

/// Repeats each of `all` `more` times more, up to `most` in all.
fn repeated<T>(all: &[T], more: u16, most: usize) -> impl Iterator<Item = &T> {
    all.iter()
        .flat_map(move |one| std::iter::repeat_n(one, usize::from(more) + 1))
        .take(most)
}

/// The number of contexts, limited to the room of a window.
fn most_contexts(count: u32) -> usize {
    (count as usize).min(2 * HALF / ENTRY)
}

/// Changes the type to one near the driver's, as the kernel serves numbers of other types on any
/// file. Changes SNAPSHOT and RESTORE, as the oracle doesn't know the memory that they name.
fn harmless(number: u32) -> u32 {
    let number = match number {
        uapi::IOC_SNAPSHOT | uapi::IOC_RESTORE => number & !0xff,
        other => other,
    };
    let kind = (number >> 8) as u8;
    if (kind ^ uapi::IOC_MAGIC).count_ones() <= 1 {
        number
    } else {
        (number & !0xff00) | (u32::from(uapi::IOC_MAGIC) << 8)
    }
}

fn options() -> ron::Options {
    ron::Options::default()
        .with_default_extension(Extensions::UNWRAP_VARIANT_NEWTYPES | Extensions::IMPLICIT_SOME)
}

impl Program {
    /// Reads a program's text.
    pub fn parse(text: &str) -> Result<Self> {
        let program: Self = options().from_str(text).context("not a program")?;
        Ok(program.limited())
    }

    /// The text, on one line.
    pub fn line(&self) -> String {
        options()
            .to_string(self)
            .expect("a program has no value that the format lacks")
    }

    /// The text, a step on each line.
    pub fn text(&self) -> String {
        let step = |step: &Step| {
            options()
                .to_string(step)
                .expect("a step has no value that the format lacks")
        };
        let mut text = String::from("(\n    setup: [\n");
        for line in self.setup.iter().map(step) {
            let _ = writeln!(text, "        {line},");
        }
        text += "    ],\n    threads: [\n";
        for thread in &self.threads {
            text += "        [\n";
            for line in thread.iter().map(step) {
                let _ = writeln!(text, "            {line},");
            }
            text += "        ],\n";
        }
        let _ = write!(
            text,
            "    ],\n    signals: {},\n    storm: {},\n)\n",
            self.signals, self.storm
        );
        text
    }

    /// The program within the limits of what can be executed.
    pub fn limited(mut self) -> Self {
        self.threads.truncate(MAX_THREADS);
        self
    }

    /// Number of steps.
    pub fn len(&self) -> usize {
        self.setup.len() + self.threads.iter().map(Vec::len).sum::<usize>()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// True where threads make calls that are isolated from everything but mappings.
    pub fn isolates(&self) -> bool {
        self.threads.iter().flatten().any(Step::isolates)
    }

    /// True where the threads' steps may come in any order, so that there can be many.
    pub fn commutes(&self) -> bool {
        self.threads.iter().flatten().all(Step::commutes)
    }
}
