// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Program`]: system calls to execute, and their text.

use crate::location::Location;
use anyhow::{Context, Result};
use atomik_uapi::OP_ACCUM;
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
    /// Reads from a watch, if that is one. Watches of programs never wait.
    Read(Read),
    /// Asks what the descriptor is ready for.
    Poll(Slot),
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
        let ioctl = match self {
            Self::Read(_) => return true,
            Self::Ioctl(ioctl) | Self::Repeat(_, ioctl) => ioctl,
            _ => return false,
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
            Command::Batch { ops, .. } => ops.iter().all(|op| op.op == OP_ACCUM),
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

/// The arguments of `read`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Read {
    pub fd: Slot,
    /// The room for changes in the buffer.
    pub most: u16,
    #[serde(default = "fine", skip_serializing_if = "is_fine")]
    pub to: Location,
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
    /// Makes a descriptor, as [`Step::Open`] does, whether or not it succeeds. It is made once, also
    /// by [`Step::Repeat`], and in a storm its argument stays out of that.
    Export {
        table: Table,
        #[serde(default, skip_serializing_if = "is_zero")]
        flags: u32,
        #[serde(default, skip_serializing_if = "is_zero")]
        reserved: u32,
    },
    /// Makes a descriptor as EXPORT does.
    Watch {
        table: Table,
        addr: u32,
        count: u32,
        #[serde(default, skip_serializing_if = "is_zero")]
        flags: u32,
        #[serde(default, skip_serializing_if = "is_zero")]
        reserved: u32,
    },
    Touch {
        table: Table,
        addr: u32,
        count: u32,
        #[serde(default, skip_serializing_if = "is_zero")]
        reserved: u32,
    },
    /// Any number with any argument.
    Raw {
        command: u32,
        words: Vec<u32>,
    },
}

impl Command {
    /// Whether it makes a descriptor.
    pub fn makes_descriptor(&self) -> bool {
        matches!(self, Self::Export { .. } | Self::Watch { .. })
    }
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
