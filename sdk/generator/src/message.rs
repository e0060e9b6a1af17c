// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bytes of a message: one delta of one delta_stream field. The README has the format.

use num_bigint::BigUint;
use semver::Version;

use crate::schema::{Compression, Field, Schema};

/// The first byte: version 1 of this format.
pub const FORMAT: u8 = 0xD1;

/// The most bytes of a message. The longest that a sender writes has 93.
const MAX_BYTES: usize = 96;

/// The reason why a message was refused. Nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Its bytes are not those that were sent, or no message.
    Damaged,
    /// It is of another object or another field.
    Other,
    /// It is of a version of the schema that is not compatible.
    Version,
}

impl Refused {
    pub fn name(self) -> &'static str {
        match self {
            Refused::Damaged => "damaged",
            Refused::Other => "other",
            Refused::Version => "version",
        }
    }
}

/// Number of a field among all fields of all schemas.
pub fn tag(schema: &Schema, field: &Field) -> u32 {
    crc32fast::hash(format!("{}.{}", schema.full_name(), field.name).as_bytes())
}

/// The part of a message that all messages of a field begin with.
pub fn header(schema: &Schema, field: &Field, version: &Version) -> Vec<u8> {
    let mut bytes = vec![FORMAT];
    bytes.extend(tag(schema, field).to_le_bytes());
    for mut number in [version.major, version.minor] {
        while number >= 0x80 {
            bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        bytes.push(number as u8);
    }
    bytes
}

/// The message of a delta as it lies in the contexts.
pub fn encode(schema: &Schema, field: &Field, delta: &BigUint) -> Vec<u8> {
    seal(
        header(schema, field, &schema.catalogue.version),
        field,
        delta,
    )
}

/// The message that begins with a header.
pub fn seal(mut bytes: Vec<u8>, field: &Field, delta: &BigUint) -> Vec<u8> {
    bytes.extend(body(field, delta));
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    bytes
}

fn body(field: &Field, delta: &BigUint) -> Vec<u8> {
    let mut bytes = delta.to_bytes_le();
    bytes.resize(field.bytes(), 0);
    match field.compression {
        Compression::None => bytes,
        Compression::Xor => {
            let end = bytes
                .iter()
                .rposition(|&byte| byte != 0)
                .map_or(0, |at| at + 1);
            let start = bytes[..end].iter().take_while(|&&byte| byte == 0).count();
            [&[start as u8], &bytes[start..end]].concat()
        }
        Compression::Rle => {
            let runs = bytes.chunk_by(|a, b| a == b);
            runs.flat_map(|run| [run.len() as u8, run[0]]).collect()
        }
    }
}

/// The delta of a message, as it lies in the contexts.
pub fn decode(schema: &Schema, field: &Field, bytes: &[u8]) -> Result<BigUint, Refused> {
    if bytes.len() > MAX_BYTES {
        return Err(Refused::Damaged);
    }
    let (content, sum) = bytes.split_last_chunk::<4>().ok_or(Refused::Damaged)?;
    let (head, mut rest) = content.split_first_chunk::<5>().ok_or(Refused::Damaged)?;
    if crc32fast::hash(content).to_le_bytes() != *sum || head[0] != FORMAT {
        return Err(Refused::Damaged);
    }
    if head[1..] != tag(schema, field).to_le_bytes() {
        return Err(Refused::Other);
    }
    let version = Version::new(number(&mut rest)?, number(&mut rest)?, 0);
    let ours = &schema.catalogue.version;
    if version.major != ours.major || (ours.major == 0 && version.minor != ours.minor) {
        return Err(Refused::Version);
    }
    let mut delta = match field.compression {
        Compression::None => rest.to_vec(),
        Compression::Xor => {
            let (&zeros, rest) = rest.split_first().ok_or(Refused::Damaged)?;
            [&vec![0; usize::from(zeros)], rest].concat()
        }
        Compression::Rle => {
            let runs = rest.chunks(2).map(|run| match run {
                [count, byte] => vec![*byte; usize::from(*count)],
                _ => Vec::new(),
            });
            runs.collect::<Vec<_>>().concat()
        }
    };
    delta.truncate(field.bytes() + 1);
    let delta = BigUint::from_bytes_le(&delta);
    // A delta has one message: what isn't that is damaged.
    if seal(header(schema, field, &version), field, &delta) != bytes {
        return Err(Refused::Damaged);
    }
    Ok(delta)
}

fn number(bytes: &mut &[u8]) -> Result<u64, Refused> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or(Refused::Damaged)?;
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
    Err(Refused::Damaged)
}
