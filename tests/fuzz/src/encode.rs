// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Encoded`]: a command as the bytes that an ioctl takes.

use crate::{
    location::{HALF, Location},
    program::{Command, Op, Table},
};
use atomik_uapi as uapi;

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
            Self::Export {
                table,
                flags,
                reserved,
            } => {
                let words = [id(*table), *flags, BEFORE as u32, *reserved];
                (uapi::IOC_EXPORT, words.map(u32::to_ne_bytes).concat())
            }
            Self::Watch {
                table,
                addr,
                count,
                flags,
                reserved,
            } => {
                let words = [id(*table), *addr, *count, *flags, BEFORE as u32, *reserved];
                (uapi::IOC_WATCH, words.map(u32::to_ne_bytes).concat())
            }
            Self::Touch {
                table,
                addr,
                count,
                reserved,
            } => {
                let words = [id(*table), *addr, *count, *reserved];
                (uapi::IOC_TOUCH, words.map(u32::to_ne_bytes).concat())
            }
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
/// file. Changes SNAPSHOT and RESTORE, as the oracle doesn't know the memory that they name, and
/// EXPORT and WATCH, as nobody would close the descriptor.
fn harmless(number: u32) -> u32 {
    let number = match number {
        uapi::IOC_SNAPSHOT | uapi::IOC_RESTORE | uapi::IOC_EXPORT | uapi::IOC_WATCH => {
            number & !0xff
        }
        other => other,
    };
    let kind = (number >> 8) as u8;
    if (kind ^ uapi::IOC_MAGIC).count_ones() <= 1 {
        number
    } else {
        (number & !0xff00) | (u32::from(uapi::IOC_MAGIC) << 8)
    }
}
