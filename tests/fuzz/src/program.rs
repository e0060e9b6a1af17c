// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Program`]: what is executed, and its text.

use crate::place::Place;
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
    /// Comes first.
    pub setup: Vec<Step>,
    /// Run at the same time. They begin with the descriptors and tables of `setup`.
    pub threads: Vec<Vec<Step>>,
    /// Whether the calls are interrupted by signals.
    pub signals: bool,
    /// Whether, beside the threads, their memory is changed, cut off and taken away. No model can
    /// say what comes back then, except that it is an error of the interface.
    pub storm: bool,
}

/// A descriptor: the number of the step that made one, from 0. One that has not been made is -1.
pub type Slot = u8;

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Step {
    Open(Access),
    /// Opens what the descriptor refers to once more, through `/proc/self/fd`.
    Reopen(Slot),
    Dup(Slot),
    /// Sends the descriptor over a socket and takes it out there.
    Pass(Slot),
    Close(Slot),
    Ioctl(Ioctl),
    /// The same ioctl many times.
    Repeat(u16, Ioctl),
    /// Compares `/proc/self/fdinfo` with the model.
    FdInfo(Slot),
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
    /// Whether the order of several such steps makes no difference to anybody: ACCUMs, one by one or in batches.
    pub fn commutes(&self) -> bool {
        let (Self::Ioctl(ioctl) | Self::Repeat(_, ioctl)) = self else {
            return false;
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
    Mmap,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ioctl {
    pub fd: Slot,
    pub call: Command,
    #[serde(default = "fine", skip_serializing_if = "is_fine")]
    pub at: Place,
    #[serde(default, skip_serializing_if = "Caller::is_thread")]
    pub by: Caller,
}

/// Who makes a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Caller {
    #[default]
    Thread,
    /// The thread, as a 32-bit program would.
    Compat,
    /// A forked process. In a program's threads it's the thread itself.
    Child,
}

impl Caller {
    fn is_thread(&self) -> bool {
        *self == Self::Thread
    }
}

fn fine() -> Place {
    Place::FINE
}

fn is_fine(place: &Place) -> bool {
    *place == Place::FINE
}

/// The id of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Table {
    /// That of the table created by this CREATE_TABLE, counted from 0; 0 where there was none.
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
        ops_at: Place,
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

/// What an ioctl hands to the kernel. In a batch, `ops_ptr` is still to be filled in.
pub struct Encoded {
    pub number: u32,
    pub arg: Vec<u8>,
    /// The entries of a batch, and where they lie.
    pub ops: Option<(Vec<u8>, Place)>,
}

/// Where `ops_ptr` is in the argument of BATCH.
pub const OPS_PTR: usize = std::mem::offset_of!(uapi::Batch, ops_ptr);

/// What result fields hold before a call.
const BEFORE: u64 = 0x5c5c_5c5c_5c5c_5c5c;

impl Command {
    /// As bytes, given what table each [`Table`] is.
    pub fn encode(&self, id: impl Fn(Table) -> u32) -> Encoded {
        let place = |table: &Table, addr: &u32| {
            let mut bytes = id(*table).to_ne_bytes().to_vec();
            bytes.extend(addr.to_ne_bytes());
            bytes
        };
        let with = |mut bytes: Vec<u8>, words: &[u64]| {
            bytes.extend(words.iter().flat_map(|word| word.to_ne_bytes()));
            bytes
        };
        let mut entries = None;
        let (number, arg) = match self {
            Self::Create { contexts } => {
                let words = [*contexts, BEFORE as u32].map(u32::to_ne_bytes);
                (uapi::IOC_CREATE_TABLE, words.concat())
            }
            Self::Destroy { table } => (uapi::IOC_DESTROY_TABLE, id(*table).to_ne_bytes().to_vec()),
            Self::Load { table, addr, value } => {
                (uapi::IOC_LOAD, with(place(table, addr), &[*value]))
            }
            Self::Accum { table, addr, value } => {
                (uapi::IOC_ACCUM, with(place(table, addr), &[*value]))
            }
            Self::Read { table, addr } => (uapi::IOC_READ, with(place(table, addr), &[BEFORE])),
            Self::Swap { table, addr, value } => {
                (uapi::IOC_SWAP, with(place(table, addr), &[*value, BEFORE]))
            }
            Self::Batch {
                table,
                ops,
                more,
                num_ops,
                ops_at,
            } => {
                let most = uapi::MAX_BATCH as usize;
                let bytes: Vec<u8> = ops
                    .iter()
                    .flat_map(|op| std::iter::repeat_n(op, usize::from(*more) + 1))
                    .take(most)
                    .flat_map(Op::bytes)
                    .collect();
                let count = (usize::from(*more) + 1) * ops.len();
                let num_ops = num_ops.unwrap_or(count as u32);
                entries = Some((bytes, ops_at.clamped()));
                (uapi::IOC_BATCH, with(place(table, &num_ops), &[0]))
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
            ops: entries,
        }
    }
}

/// The number, of a type near the driver's: numbers of other types may mean something to the kernel
/// for any file. And no image: of memory that those name, the model knows nothing.
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

    /// The same program within what can be executed.
    pub fn limited(mut self) -> Self {
        self.threads.truncate(MAX_THREADS);
        self
    }

    /// How many steps there are.
    pub fn len(&self) -> usize {
        self.setup.len() + self.threads.iter().map(Vec::len).sum::<usize>()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the threads' steps may come in any order, so that there can be many of them.
    pub fn commutes(&self) -> bool {
        self.threads.iter().flatten().all(Step::commutes)
    }
}
