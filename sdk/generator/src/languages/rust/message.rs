// SPDX-License-Identifier: MIT OR Apache-2.0
//! Messages: the delta of one accum, as bytes.

#![allow(dead_code, reason = "not every schema needs all of it")]

use core::fmt;
use core::ops::Deref;

use crate::object::{Compression, Field};
use crate::value::{Value, Words};

/// The format and its version.
const FORMAT: u8 = 0xD1;

/// The most bytes of a message. The longest that a sender writes has 93.
const MAX_BYTES: usize = 96;

/// The bytes of a message.
#[derive(Clone, Copy)]
pub struct Message {
    bytes: [u8; MAX_BYTES],
    length: usize,
}

/// The reason why a message was refused. Nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MessageError {
    /// Its bytes are not those that were sent, or no message.
    Damaged,
    /// It is of another object or another field.
    Other,
    /// It is of a version of the schema that is not compatible.
    Version {
        /// The first number of that version.
        major: u64,
        /// The second number.
        minor: u64,
    },
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged => f.write_str("the message is damaged, or is no message"),
            Self::Other => f.write_str("the message is of another object or field"),
            Self::Version { major, minor } => {
                write!(
                    f,
                    "the message is of version {major}.{minor}, which is not compatible"
                )
            }
        }
    }
}

impl core::error::Error for MessageError {}

impl Deref for Message {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl AsRef<[u8]> for Message {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl PartialEq<[u8]> for Message {
    fn eq(&self, other: &[u8]) -> bool {
        **self == *other
    }
}

impl<const N: usize> PartialEq<[u8; N]> for Message {
    fn eq(&self, other: &[u8; N]) -> bool {
        **self == *other
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Message").field(&&**self).finish()
    }
}

impl Message {
    fn push(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        self.bytes[self.length..end].copy_from_slice(bytes);
        self.length = end;
    }

    pub(crate) fn of<T: Value>(field: &Field, delta: T) -> Self {
        Self::seal(field, field.version, field.lay(delta.words()))
    }

    fn push_number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.push(&[number as u8 | 0x80]);
            number >>= 7;
        }
        self.push(&[number as u8]);
    }

    /// The delta and its checksum have 68 bytes at most, what is before 25.
    fn seal(field: &Field, (major, minor): (u64, u64), laid: Words) -> Self {
        let mut message = Self {
            bytes: [0; MAX_BYTES],
            length: 0,
        };
        message.push(&[FORMAT]);
        message.push(&field.tag.to_le_bytes());
        message.push_number(major);
        message.push_number(minor);
        let bytes = laid.to_le_bytes();
        let bytes = &bytes[..field.width as usize / 8];
        match field.compression {
            Compression::None => message.push(bytes),
            Compression::Xor => {
                let end = bytes
                    .iter()
                    .rposition(|&byte| byte != 0)
                    .map_or(0, |at| at + 1);
                let start = bytes[..end].iter().position(|&byte| byte != 0).unwrap_or(0);
                message.push(&[start as u8]);
                message.push(&bytes[start..end]);
            }
            Compression::Rle => {
                for run in bytes.chunk_by(|a, b| a == b) {
                    message.push(&[run.len() as u8, run[0]]);
                }
            }
        }
        let checksum = crc32(&message);
        message.push(&checksum.to_le_bytes());
        message
    }
}

pub(crate) fn open(field: &Field, bytes: &[u8]) -> Result<Words, MessageError> {
    let damaged = MessageError::Damaged;
    if bytes.len() > MAX_BYTES {
        return Err(damaged);
    }
    let (content, checksum) = bytes.split_last_chunk::<4>().ok_or(damaged)?;
    let (head, mut rest) = content.split_first_chunk::<5>().ok_or(damaged)?;
    if crc32(content).to_le_bytes() != *checksum || head[0] != FORMAT {
        return Err(damaged);
    }
    if head[1..] != field.tag.to_le_bytes() {
        return Err(MessageError::Other);
    }
    let (major, minor) = (number(&mut rest)?, number(&mut rest)?);
    let ours = field.version;
    if major != ours.0 || (major == 0 && minor != ours.1) {
        return Err(MessageError::Version { major, minor });
    }
    let laid = Words::from_le_bytes(delta(field, rest)?);
    // A delta has one message: what isn't that is damaged.
    if laid.low(field.width) != laid || Message::seal(field, (major, minor), laid) != *bytes {
        return Err(damaged);
    }
    Ok(laid)
}

fn delta(field: &Field, body: &[u8]) -> Result<[u8; 32], MessageError> {
    let mut bytes = [0; 32];
    let mut length = 0;
    let mut push = |byte: u8, count: usize| {
        let end = length + count;
        let place = bytes.get_mut(length..end).ok_or(MessageError::Damaged)?;
        place.fill(byte);
        length = end;
        Ok(())
    };
    match field.compression {
        Compression::None => body.iter().try_for_each(|&byte| push(byte, 1))?,
        Compression::Xor => {
            let (&zeros, rest) = body.split_first().ok_or(MessageError::Damaged)?;
            push(0, zeros.into())?;
            rest.iter().try_for_each(|&byte| push(byte, 1))?;
        }
        Compression::Rle => {
            for run in body.chunks(2) {
                let [count, byte] = *run else {
                    return Err(MessageError::Damaged);
                };
                push(byte, count.into())?;
            }
        }
    }
    Ok(bytes)
}

fn number(bytes: &mut &[u8]) -> Result<u64, MessageError> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or(MessageError::Damaged)?;
        *bytes = rest;
        // Neither more than 64 bits, nor a last byte that says nothing.
        if (shift == 63 && byte > 1) || (shift > 0 && byte == 0) {
            break;
        }
        number |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(MessageError::Damaged)
}

/// CRC-32, as Ethernet and zlib have it.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| match sum & 1 {
            0 => sum >> 1,
            _ => (sum >> 1) ^ 0xEDB8_8320,
        })
    })
}
