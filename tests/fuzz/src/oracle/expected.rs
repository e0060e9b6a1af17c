// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Expected`]: the result of an ioctl, and every byte of the caller's memory after it.

use super::{Company, Rules, same};
use crate::{encode::ENTRY, event::Buffer, location::Location};
use atomik_uapi as uapi;
use nix::errno::Errno;

/// Offset of the value in an entry.
pub(super) const VALUE: usize = std::mem::offset_of!(uapi::BatchOp, value);

/// Bytes that a call writes to a buffer.
pub(super) struct Write {
    pub at: usize,
    pub bytes: Vec<u8>,
    /// The bytes must be there. Otherwise each may be, as the call failed on the way.
    pub certain: bool,
}

impl Write {
    pub fn certain(at: usize, bytes: &[u8]) -> Self {
        Self {
            at,
            bytes: bytes.to_vec(),
            certain: true,
        }
    }
}

/// Result of an ioctl, and the bytes that it writes.
pub(super) struct Expected {
    pub result: Result<(), Errno>,
    pub arg: Vec<Write>,
    pub ops: Vec<Write>,
}

impl Expected {
    pub fn new(result: Result<(), Errno>) -> Self {
        Self {
            result,
            arg: Vec::new(),
            ops: Vec::new(),
        }
    }

    pub fn writing(at: usize, bytes: &[u8]) -> Self {
        Self {
            result: Ok(()),
            arg: vec![Write::certain(at, bytes)],
            ops: Vec::new(),
        }
    }

    /// Accepts any result fields of a call that failed while others changed the table.
    ///
    /// SWAP writes its result before it swaps, and a batch brings in missing pages by writing to
    /// them. Where the table is gone at the next attempt, the fields hold an earlier state.
    pub fn forgive(
        &mut self,
        number: u32,
        arg: &Buffer,
        ops: Option<&(u64, Buffer)>,
        (arg_after, ops_after): (&[u8], &[u8]),
    ) {
        let field = match number {
            uapi::IOC_SWAP => std::mem::offset_of!(uapi::Swap, old_state),
            uapi::IOC_READ => std::mem::offset_of!(uapi::Read, state),
            _ => usize::MAX,
        };
        if let Some(bytes) = arg_after.get(field..field.saturating_add(8)) {
            self.arg.extend(partly(arg.location, field, bytes));
        }
        let Some((_, ops)) = ops.filter(|_| number == uapi::IOC_BATCH) else {
            return;
        };
        let entries = ops.before.chunks_exact(ENTRY);
        for (start, entry) in (0..).step_by(ENTRY).zip(entries) {
            let at = start + VALUE;
            if let (uapi::OP_READ | uapi::OP_SWAP, Some(bytes)) =
                (entry[0], ops_after.get(at..at + 8))
            {
                self.ops.extend(partly(ops.location, at, bytes));
            }
        }
    }
}

impl From<Errno> for Expected {
    fn from(errno: Errno) -> Self {
        Self::new(Err(errno))
    }
}

pub(super) fn get_info(
    rules: &Rules,
    served: u64,
    arg: &Buffer,
    (result, after): (&Result<(), Errno>, &[u8]),
    company: Company,
) -> Result<Expected, String> {
    let at = std::mem::offset_of!(uapi::Info, ops_total);
    let total = u64_at(after, at);
    let fits = arg.location.writable(0..size_of::<uapi::Info>());
    if fits && result.is_ok() {
        let known = rules.alone && company == Company::Alone;
        if known {
            same("ops_total", &total, &served)?;
        }
    }
    let mut info = Vec::new();
    for word in [uapi::VERSION, uapi::BACKEND_SOFTWARE, 0, 0] {
        info.extend(word.to_ne_bytes());
    }
    for word in [total, 0, 0] {
        info.extend(word.to_ne_bytes());
    }
    if fits {
        return Ok(Expected::writing(0, &info));
    }
    let mut outcome = Expected::from(Errno::EFAULT);
    outcome.arg = partly(arg.location, 0, &info);
    Ok(outcome)
}

/// The part of a result that did not fit: any of the bytes that can be written.
pub(super) fn partly(location: Location, at: usize, bytes: &[u8]) -> Vec<Write> {
    let writable = |(offset, byte): (usize, &u8)| {
        let at = at + offset;
        location.writable(at..at + 1).then(|| Write {
            at,
            bytes: vec![*byte],
            certain: false,
        })
    };
    bytes.iter().enumerate().filter_map(writable).collect()
}

/// Compares each byte.
pub(super) fn compare(
    what: &str,
    before: &[u8],
    after: &[u8],
    writes: &[Write],
) -> Result<(), String> {
    let mut expected = before.to_vec();
    for write in writes {
        let here = write.at..write.at + write.bytes.len();
        if write.certain || after.get(here.clone()) == Some(&write.bytes) {
            expected[here].copy_from_slice(&write.bytes);
        }
    }
    match (0..before.len()).find(|&at| after.get(at) != expected.get(at)) {
        None => Ok(()),
        Some(at) => Err(format!(
            "{what}: the byte at {at} is {:#04x}, and not {:#04x}",
            after.get(at).copied().unwrap_or_default(),
            expected[at]
        )),
    }
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(bytes[at..at + 4].try_into().expect("4 bytes"))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_ne_bytes(bytes[at..at + 8].try_into().expect("8 bytes"))
}
